package portal

import (
	"net/http"
	"time"

	"bulkops/internal/fault"
)

// session is somebody's sign-in in one browser.
type session struct {
	Sub     string    `json:"sub"`
	Token   string    `json:"token"` // in every form, so that a form of another site or session is known
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	To      string    `json:"to"` // where the sign-in leads
}

const (
	sessionCookie = "__Host-bulkops"
	// browserCookie tells one browser from another while nobody is signed in.
	browserCookie = "__Host-bulkops-browser"
	// sessionKept is how long an ended session is known, so that a form that
	// arrives too late goes back to the person who typed it.
	sessionKept = time.Hour
)

// alive reports whether the session has not ended by the server's clock.
func (p *portal) alive(s session, now time.Time) bool {
	return now.Before(s.Seen.Add(p.Idle)) && now.Before(s.Created.Add(p.Max))
}

// identify finds out who made the request, and reads what they may do from the
// staff directory. Nobody signed in is no error.
func (rq *request) identify() error {
	cookie, err := rq.r.Cookie(sessionCookie)
	if err != nil || len(cookie.Value) < 20 || len(cookie.Value) > 100 {
		return nil
	}
	var s session
	now := rq.Now()
	if err := rq.Store.Get(rq.ctx(), keepSession, cookie.Value, &s, now); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	if !rq.alive(s, now) {
		rq.expired = s.Sub
		return nil
	}
	person, err := rq.engine.Staff.Person(rq.ctx(), s.Sub)
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return err
	case person.Disabled:
		if err := rq.Store.Delete(rq.ctx(), keepSession, cookie.Value); err != nil {
			return err
		}
	default:
		rq.known = true
	}
	// Storing each request's time would be one write a page; a sixteenth of the
	// idle time is near enough, and ends a session earlier rather than later. A
	// session that was ended while this request was under way stays ended.
	if now.Sub(s.Seen) >= rq.Idle/16 && rq.countsAsPresence() && !person.Disabled {
		s.Seen = now
		err := rq.Store.Replace(rq.ctx(), keepSession, cookie.Value, s, s.Created.Add(rq.Max+sessionKept))
		if fault.Is(err, fault.NotFound) {
			rq.known = false
			return nil
		}
		if err != nil {
			return err
		}
	}
	rq.sessionID, rq.session, rq.person = cookie.Value, &s, person
	rq.noted()
	return nil
}

// countsAsPresence reports whether a person made the request, and not a script.
func (rq *request) countsAsPresence() bool { return !rq.route.quiet }

// begin makes a new session and gives the browser its cookie. A session that
// the browser had before ends.
func (rq *request) begin(sub, to string) error {
	if old, err := rq.r.Cookie(sessionCookie); err == nil {
		if err := rq.Store.Delete(rq.ctx(), keepSession, old.Value); err != nil {
			return err
		}
	}
	now, id := rq.Now(), secret()
	s := session{Sub: sub, Token: secret(), Created: now, Seen: now, To: to}
	if err := rq.Store.Put(rq.ctx(), keepSession, id, s, now.Add(rq.Max+sessionKept)); err != nil {
		return err
	}
	http.SetCookie(rq.w, hostCookie(sessionCookie, id))
	return nil
}

// hostCookie is a cookie that only this host gets, over TLS, out of scripts'
// reach, and that ends with the browser.
func hostCookie(name, value string) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (rq *request) browserCookie() string {
	if c, err := rq.r.Cookie(browserCookie); err == nil && len(c.Value) >= 20 && len(c.Value) <= 100 {
		return c.Value
	}
	return ""
}

// browser returns the id of the browser, a new one where it has none.
func (rq *request) browser() string {
	id := rq.browserCookie()
	if id == "" {
		id = secret()
		http.SetCookie(rq.w, hostCookie(browserCookie, id))
	}
	return id
}

// stillHere keeps a session from ending while somebody reads a long page. By GET
// the script only asks whether it has ended.
func stillHere(rq *request) error {
	rq.w.WriteHeader(http.StatusNoContent)
	return nil
}
