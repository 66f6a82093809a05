package portal

// RouteTable is every address of the portal, for tests that must know all.
func RouteTable() (table []string) {
	for _, rt := range (&portal{}).routes() {
		table = append(table, rt.method+" "+rt.pattern)
	}
	return table
}
