package walk

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is what the browser shows.
type Page struct {
	URL     *url.URL
	Status  int
	Header  http.Header
	Content []byte // as it came; of a file, the file

	visitor *Visitor
	root    *html.Node // nil for what is no page
}

// Title is the page's title.
func (p *Page) Title() string {
	for n := range nodes(p.root) {
		if n.Data == "title" {
			return words(n)
		}
	}
	return ""
}

// Text is all that can be read on the page, with single spaces.
func (p *Page) Text() string {
	for n := range nodes(p.root) {
		if n.Data == "body" {
			return words(n)
		}
	}
	return ""
}

// Says reports whether the page says the words.
func (p *Page) Says(text string) bool { return strings.Contains(p.Text(), text) }

// Find returns what the pattern's first group matches in the page's text.
func (p *Page) Find(pattern string) (string, error) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.Text())
	if found == nil {
		return "", fmt.Errorf("%s does not say %s: %s", p.name(), pattern, p.excerpt())
	}
	return found[1], nil
}

// Need returns the page when it says the words, an error with what it says
// otherwise.
func (p *Page) Need(text string) (*Page, error) {
	if p.Says(text) {
		return p, nil
	}
	return p, fmt.Errorf("%s does not say %q: %s", p.name(), text, p.excerpt())
}

func (p *Page) name() string {
	return fmt.Sprintf("the page %q (%s, status %d)", p.Title(), p.URL.Path, p.Status)
}

func (p *Page) excerpt() string {
	text := []rune(p.Text())
	if p.root == nil {
		text = []rune(string(p.Content))
	}
	if len(text) > 1500 {
		return string(text[:1500]) + " …"
	}
	return string(text)
}

// Follow follows the first link with the words.
func (p *Page) Follow(ctx context.Context, text string) (*Page, error) {
	for _, exact := range []bool{true, false} {
		for n := range nodes(p.root) {
			if href, ok := attribute(n, "href"); n.Data == "a" && ok && same(words(n), text, exact) {
				return p.open(ctx, href)
			}
		}
	}
	return nil, fmt.Errorf("%s has no link %q; it has %s", p.name(), text, strings.Join(p.links(), ", "))
}

func (p *Page) open(ctx context.Context, href string) (*Page, error) {
	to, err := p.URL.Parse(href)
	if err != nil {
		return nil, fmt.Errorf("the address %q cannot be opened: %w", href, err)
	}
	return p.visitor.send(ctx, http.MethodGet, to.String(), nil, "", p.URL)
}

// Reload opens the page's address again.
func (p *Page) Reload(ctx context.Context) (*Page, error) { return p.visitor.Open(ctx, p.URL.String()) }

func (p *Page) links() []string {
	var texts []string
	for n := range nodes(p.root) {
		if n.Data == "a" {
			texts = append(texts, fmt.Sprintf("%q", words(n)))
		}
	}
	return texts
}

// Rows returns the cells of the rows of the first table whose caption has the
// words, head included.
func (p *Page) Rows(caption string) ([][]string, error) {
	for n := range nodes(p.root) {
		if n.Data != "table" {
			continue
		}
		for c := range nodes(n) {
			if c.Data == "caption" && same(words(c), caption, false) {
				return rows(n), nil
			}
		}
	}
	return nil, fmt.Errorf("%s has no table %q: %s", p.name(), caption, p.excerpt())
}

func rows(table *html.Node) [][]string {
	var all [][]string
	for n := range nodes(table) {
		if n.Data != "tr" {
			continue
		}
		var cells []string
		for c := range nodes(n) {
			if c.Data == "td" || c.Data == "th" {
				cells = append(cells, words(c))
			}
		}
		all = append(all, cells)
	}
	return all
}

// nodes yields the elements in a tree, in the order of the page.
func nodes(root *html.Node) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		if root == nil {
			return
		}
		for n := range root.Descendants() {
			if n.Type == html.ElementNode && !yield(n) {
				return
			}
		}
	}
}

// unread are elements whose text nobody sees; what is in noscript everybody
// without JavaScript does.
var unread = []string{"script", "style", "template", "head"}

// words is the text in a tree, with single spaces, as it can be read.
func words(root *html.Node) string {
	var text strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			text.WriteString(n.Data)
		case n.Type == html.ElementNode && (slices.Contains(unread, n.Data) || isHidden(n)):
			return
		case n.Type == html.ElementNode && !inline[n.Data]:
			text.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if n.Type == html.ElementNode && !inline[n.Data] {
			text.WriteByte(' ')
		}
	}
	for c := root.FirstChild; c != nil; c = c.NextSibling {
		walk(c)
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func isHidden(n *html.Node) bool {
	_, hidden := attribute(n, "hidden")
	return hidden
}

// inline elements do not part words.
var inline = map[string]bool{"a": true, "abbr": true, "b": true, "bdi": true, "code": true, "em": true, "i": true, "mark": true, "small": true, "strong": true, "time": true}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// same compares what is on a page with what was asked for; not exact, it is
// enough that the page's words begin with it.
func same(onPage, asked string, exact bool) bool {
	return onPage == asked || !exact && strings.HasPrefix(onPage, asked)
}
