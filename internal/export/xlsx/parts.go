package xlsx

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// style is the place of a cell's look in the list of the styles.
type style int

const (
	_ style = iota // what has no look
	styleTitle
	styleNumberTitle
	styleText
	styleNote
	styleDate
	styleMoment
	styleSeconds
	styleNumber
	styleCover
	styleCoverName
	styleCoverValue
)

var typeStyles = [...]style{Text: styleText, Note: styleNote, Date: styleDate, Moment: styleMoment, Number: styleNumber}

const (
	declaration = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	fitPage     = `<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>`
	mainSpace   = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relations   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	media       = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

// styles lists the looks in the order of the constants above. Format 49 is
// Excel's "Text": what is typed over such a cell stays text too.
const styles = declaration + `<styleSheet` + mainSpace + `>` +
	`<numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/><numFmt numFmtId="165" formatCode="yyyy\-mm\-dd&quot;T&quot;hh:mm"/><numFmt numFmtId="166" formatCode="yyyy\-mm\-dd&quot;T&quot;hh:mm:ss"/></numFmts>` +
	`<fonts count="4"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>` +
	`<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/><family val="2"/></font>` +
	`<font><b/><sz val="16"/><color rgb="FF162E51"/><name val="Calibri"/><family val="2"/></font>` +
	`<font><b/><sz val="11"/><color rgb="FF162E51"/><name val="Calibri"/><family val="2"/></font></fonts>` +
	`<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>` +
	`<fill><patternFill patternType="solid"><fgColor rgb="FF162E51"/><bgColor indexed="64"/></patternFill></fill></fills>` +
	`<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>` +
	`<border><left/><right/><top/><bottom style="thin"><color rgb="FFDFE1E2"/></bottom><diagonal/></border></borders>` +
	`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
	`<cellXfs count="12"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
	`<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" applyAlignment="1"><alignment vertical="center" wrapText="1"/></xf>` +
	`<xf numFmtId="49" fontId="1" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" applyAlignment="1"><alignment horizontal="right" vertical="center" wrapText="1" indent="1"/></xf>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment horizontal="left" vertical="top"/></xf>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment horizontal="left" vertical="top" wrapText="1"/></xf>` +
	`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment horizontal="left" vertical="top"/></xf>` +
	`<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment horizontal="left" vertical="top"/></xf>` +
	`<xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment horizontal="left" vertical="top"/></xf>` +
	`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment horizontal="right" vertical="top" indent="1"/></xf>` +
	`<xf numFmtId="49" fontId="2" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>` +
	`<xf numFmtId="49" fontId="3" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" applyFont="1" applyBorder="1" applyAlignment="1"><alignment vertical="top"/></xf>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" applyBorder="1" applyAlignment="1"><alignment horizontal="left" vertical="top" wrapText="1"/></xf></cellXfs>` +
	`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`

// widths are the narrowest and the widest that suit a type, in characters.
var widths = [...][2]int{Text: {10, 40}, Note: {24, 60}, Date: {12, 12}, Moment: {21, 21}, Number: {10, 20}}

// fitted returns the columns with widths that suit their titles and the rows.
func fitted(columns []Column, rows [][]string) []Column {
	columns = slices.Clone(columns)
	for i := range columns {
		c := &columns[i]
		if c.Width == 0 {
			longest := 0
			for _, row := range rows {
				for line := range strings.Lines(row[i]) {
					longest = max(longest, utf8.RuneCountInString(line)+2)
				}
			}
			c.Width = max(utf8.RuneCountInString(c.Title)+4, min(max(longest, widths[c.Type][0]), widths[c.Type][1])) // with room for the filter's arrow
		}
		c.Width = min(c.Width, 255)
	}
	return columns
}

func (c Column) look() look {
	l := look{kind: c.Type, style: typeStyles[c.Type]}
	if c.Type == Note {
		l.line = c.Width
	}
	return l
}

func titleStyle(t Type) style {
	if t == Number {
		return styleNumberTitle
	}
	return styleTitle
}

// onePage is how many characters wide a sheet is printed on the width of one
// page. A wider one would be too small to read.
const onePage = 180

// sheetStart appends the sheet up to its first row. The titles and the first
// column, which says whom a row is about, stay in view.
func sheetStart(b []byte, columns []Column) []byte {
	all := 0
	for _, c := range columns {
		all += c.Width
	}
	b = append(b, declaration+`<worksheet`+mainSpace+`>`...)
	if all <= onePage {
		b = append(b, fitPage...)
	}
	b = append(b, `<sheetViews><sheetView workbookViewId="0"><pane xSplit="1" ySplit="1" topLeftCell="B2" activePane="bottomRight" state="frozen"/>`+
		`<selection pane="topRight"/><selection pane="bottomLeft"/><selection pane="bottomRight" activeCell="B2" sqref="B2"/></sheetView></sheetViews>`+
		`<sheetFormatPr defaultRowHeight="15"/><cols>`...)
	for i, c := range columns {
		b = fmt.Appendf(b, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, c.Width)
	}
	return append(b, "</cols><sheetData>"...)
}

// sheetEnd appends what follows the rows: the filter, and that digits in a text
// are no mistake.
func sheetEnd(b []byte, s *sheet) []byte {
	if s.columns == nil {
		return append(b, coverEnd...)
	}
	area := fmt.Sprintf("A1:%s%d", s.letters[len(s.letters)-1], s.rows)
	return fmt.Appendf(b, `</sheetData><autoFilter ref="%s"/><printOptions gridLines="1"/><pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>`+
		`<pageSetup orientation="landscape" fitToHeight="0"/><headerFooter><oddFooter>&amp;L&amp;A&amp;RPage &amp;P of &amp;N</oddFooter></headerFooter>`+
		`<ignoredErrors><ignoredError sqref="%s" numberStoredAsText="1"/></ignoredErrors></worksheet>`, area, area)
}

// part is a file of the workbook.
type part struct {
	name    string
	content []byte
}

func sheetPart(number int) string { return fmt.Sprintf("xl/worksheets/sheet%d.xml", number) }

// frame is everything but the sheets. The cover, written last, is the first.
func (w *Writer) frame(c Cover) []part {
	var types, sheets, links, filters, titles strings.Builder
	for i := range w.sheets {
		number := (i+len(w.sheets)-1)%len(w.sheets) + 1
		s := w.sheets[number-1]
		fmt.Fprintf(&types, `<Override PartName="/%s" ContentType="%sworksheet+xml"/>`, sheetPart(number), media)
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, attribute(s.name), number, number)
		fmt.Fprintf(&links, `<Relationship Id="rId%d" Type="%s/worksheet" Target="/%s"/>`, number, relations, sheetPart(number))
		if s.columns == nil {
			continue
		}
		fmt.Fprintf(&filters, `<definedName name="_xlnm._FilterDatabase" localSheetId="%d" hidden="1">'%s'!$A$1:$%s$%d</definedName>`,
			i, attribute(s.name), s.letters[len(s.letters)-1], s.rows)
		fmt.Fprintf(&titles, `<definedName name="_xlnm.Print_Titles" localSheetId="%[1]d">'%[2]s'!$A:$A,'%[2]s'!$1:$1</definedName>`, i, attribute(s.name))
	}
	names := ""
	if filters.Len() > 0 {
		names = "<definedNames>" + filters.String() + titles.String() + "</definedNames>"
	}
	made := c.Made.UTC().Format("2006-01-02T15:04:05Z")
	const packageSpace = ` xmlns="http://schemas.openxmlformats.org/package/2006/`
	const office = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
	return []part{
		{"xl/styles.xml", []byte(styles)},
		{"xl/workbook.xml", fmt.Appendf(nil, declaration+`<workbook%s xmlns:r="%s"><bookViews><workbookView activeTab="0"/></bookViews><sheets>%s</sheets>%s</workbook>`,
			mainSpace, relations, sheets.String(), names)},
		{"xl/_rels/workbook.xml.rels", fmt.Appendf(nil, declaration+`<Relationships%srelationships">%s<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/></Relationships>`,
			packageSpace, links.String(), len(w.sheets)+1, relations)},
		{"docProps/core.xml", fmt.Appendf(nil, declaration+`<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>%s</dc:title><dcterms:created xsi:type="dcterms:W3CDTF">%s</dcterms:created></cp:coreProperties>`,
			attribute(c.Title), made)},
		{"_rels/.rels", fmt.Appendf(nil, declaration+`<Relationships%srelationships"><Relationship Id="rId1" Type="%s/officeDocument" Target="xl/workbook.xml"/><Relationship Id="rId2" Type="%s" Target="docProps/core.xml"/></Relationships>`,
			packageSpace, relations, office)},
		{"[Content_Types].xml", fmt.Appendf(nil, declaration+`<Types%scontent-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="%ssheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="%sstyles+xml"/><Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>%s</Types>`,
			packageSpace, media, media, types.String())},
	}
}

// coverOf is the sheet of the cover, which has names and values instead of
// titles and rows.
func coverOf(c Cover) sheet {
	return sheet{name: c.Sheet, letters: []string{"A", "B"}, started: true, looks: []look{{style: styleCoverName}, {style: styleCoverValue, line: coverWidth}}}
}

const (
	coverWidth = 80 // of the values
	coverStart = declaration + `<worksheet` + mainSpace + `>` + fitPage + `<sheetViews><sheetView showGridLines="0" tabSelected="1" workbookViewId="0"/></sheetViews>` +
		`<sheetFormatPr defaultRowHeight="15"/><cols><col min="1" max="1" width="28" customWidth="1"/><col min="2" max="2" width="80" customWidth="1"/></cols><sheetData>`
	coverEnd = `</sheetData><pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/><pageSetup orientation="portrait" fitToHeight="0"/></worksheet>`
)

func attribute(text string) string {
	return strings.ReplaceAll(string(appendText(nil, text)), `"`, "&quot;")
}
