module bulkops

go 1.26
