// Package acceptance holds the black-box tests: each starts the whole system as `make up` does, on
// ports and data of its own, and uses it through the public HTTP interface as a host application
// would. What a test knows beyond that interface (the database's row versions, a process to kill)
// it says where it uses it. The package has no code of its own.
package acceptance
