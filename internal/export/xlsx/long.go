package xlsx

// What stands at the end of a text that does not fit its cell, and at the
// beginning of its next part.
const (
	Continues = " … [continues in the row below]"
	Continued = "[continued from the row above] … "
)

// longRow writes a row with texts that do not fit their cells. The rows that it
// needs have the first cell again, so that they say whom they are about.
func (w *Writer) longRow(cells []string) error {
	rest := make([]string, len(cells))
	copy(rest, cells)
	for _, cell := range cells {
		if units(cell) > maxText {
			w.long++
		}
	}
	key := cells[0]
	if units(key) > maxText {
		key = ""
	}
	part := make([]string, len(cells))
	for first := true; ; first = false {
		more := false
		for i, text := range rest {
			begin := ""
			if !first && text != "" {
				begin = Continued
			}
			if units(begin)+units(text) <= maxText {
				part[i], rest[i] = begin+text, ""
				continue
			}
			n := fitting(text, maxText-units(begin)-units(Continues))
			part[i], rest[i], more = begin+text[:n]+Continues, text[n:], true
		}
		if !first && part[0] == "" {
			part[0] = key
		}
		if err := w.shortRow(part); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}

// units is the length of a text as Excel counts it.
func units(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// fitting is how many bytes of a text have at most so many units.
func fitting(text string, most int) int {
	n := 0
	for i, r := range text {
		if n++; r > 0xffff {
			n++
		}
		if n > most {
			return i
		}
	}
	return len(text)
}
