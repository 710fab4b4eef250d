// Package web holds the built console.
package web

import (
	"embed"
	"io/fs"
)

// The folder is empty until the console is built (npm run build).
//
//go:embed all:dist
var files embed.FS

// Build is what the build wrote: index.html, assets/ and what else stands beside it;
// nothing of these where the console was not built.
func Build() fs.FS {
	build, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // the name is constant and valid
	}
	return build
}
