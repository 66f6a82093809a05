package sample

import "bulkops/internal/staff"

// Password signs every sample person in on the local AWS. It protects nothing:
// the sample clinic is never loaded into a real account.
const Password = "Sample-clinic-1!"

// People are the sample's staff. A request in Riverside alone is first sent to
// a manager who holds Riverside; there are two more to escalate to.
func People() []staff.Person {
	all := []string{staff.AllFacilities}
	return []staff.Person{
		{Name: "Sam Okafor", Email: "sam.staff@example.org", Role: staff.Staff, Facilities: []string{Riverside}},
		{Name: "Ana Lindqvist", Email: "ana.staff@example.org", Role: staff.Staff, Facilities: all},
		{Name: "Theo Lam", Email: "theo.lead@example.org", Role: staff.TeamLead, Facilities: all},
		{Name: "Maria Duarte", Email: "maria.manager@example.org", Role: staff.Manager, Facilities: []string{"lakeside", Riverside}},
		{Name: "Jonas Weber", Email: "jonas.manager@example.org", Role: staff.Manager, Facilities: all},
		{Name: "Priya Nair", Email: "priya.manager@example.org", Role: staff.Manager, Facilities: all},
		{Name: "Ida Admin-Castro", Email: "ida.admin@example.org", Role: staff.Admin, Facilities: all},
		{Name: "Omar Haddad", Email: "omar.auditor@example.org", Role: staff.Auditor, Facilities: all},
	}
}
