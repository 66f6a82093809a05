package kind

import "bulkops/internal/bulk"

// Task is something that people have to do once an operation has run: what no
// program can do or check for them.
type Task struct {
	Name  string // stored: a contract
	Title string // what is so when it is done
	How   string // what to do, in a sentence or two
	See   Link   // where the portal lists those whom it is about; empty where nothing does
}

// Link leads to a page of the portal.
type Link struct{ Path, Title string }

// After are the tasks of an operation with the parameters: the kind's own, and
// for a rollback those of what it undoes, because the same people have to be
// told again.
func (k Kind) After(p bulk.Params) []Task {
	if undone, ok := Find(p[UndoesKind]); ok && k.Name == Rollback.Name {
		return undone.Tasks
	}
	return k.Tasks
}
