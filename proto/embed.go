// Package proto is the module of the contracts: the proto files and the code made from them.
package proto

import _ "embed"

// OpenAPI is the description of the public HTTP interface, made from the contracts.
//
//go:embed gen/openapi/entrasync.swagger.json
var OpenAPI []byte

// Progress is the contract of how far runs have come, which is streamed by no method
// that the description has.
//
//go:embed entrasync/syncengine/v1/progress.proto
var Progress string
