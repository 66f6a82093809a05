package config_test

import (
	"testing"
	"time"

	"bulkops/internal/config"
)

func reader(vars map[string]string) *config.Reader {
	return &config.Reader{Lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
}

func TestValues(t *testing.T) {
	r := reader(map[string]string{"TABLE": "t-1", "MAX": "100000", "AFTER": "604800s", "IDLE": "15m"})
	if r.Text("TABLE") != "t-1" || r.Number("MAX") != 100000 || r.Duration("AFTER") != 7*24*time.Hour || r.Duration("IDLE") != 15*time.Minute {
		t.Error("a value was misread")
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestEveryProblemIsNamedInOneSentence(t *testing.T) {
	r := reader(map[string]string{"EMPTY": "", "MAX": "-1", "AFTER": "60"})
	r.Text("TABLE")
	r.Text("EMPTY")
	r.Number("MAX")
	r.Number("GONE")
	r.Duration("AFTER")
	want := `the environment variable TABLE is missing: template.yaml sets it for the functions that need it
the environment variable EMPTY is missing: template.yaml sets it for the functions that need it
the environment variable MAX is "-1"; it must be a whole number above 0, such as 100000
the environment variable GONE is missing: template.yaml sets it for the functions that need it
the environment variable AFTER is "60"; it must be a duration above 0 with its unit, such as 86400s or 24h`
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
