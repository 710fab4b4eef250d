// Package graphtypes is Microsoft Graph's own description of the types that
// the simulator serves, from the public v1.0 service metadata (CSDL).
package graphtypes

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed graph-types.json
var metadata []byte

// Property is a property of an entity or complex type.
type Property struct {
	// Type is the EDM or Graph type, such as Edm.String or Collection(Edm.Guid).
	Type string `json:"type"`
	// Nullable says whether the value, or an item of a collection, may be null.
	Nullable bool `json:"nullable"`
}

// Collection says whether the property holds many values.
func (p Property) Collection() bool { return strings.HasPrefix(p.Type, "Collection(") }

// Type is an entity, complex or enumeration type.
type Type struct {
	Kind       string              `json:"kind"`
	Base       string              `json:"base"`
	Members    []string            `json:"members"`
	Properties map[string]Property `json:"properties"`
}

// Types are all types by their full names, such as microsoft.graph.user.
var Types = func() map[string]Type {
	var all struct {
		Types map[string]Type `json:"types"`
	}
	if err := json.Unmarshal(metadata, &all); err != nil {
		panic("graphtypes: the embedded metadata is no JSON: " + err.Error())
	}
	return all.Types
}()

// Find looks a property up in a type and the types it derives from.
func Find(typeName, property string) (Property, bool) {
	for typeName != "" {
		t := Types[typeName]
		if p, ok := t.Properties[property]; ok {
			return p, true
		}
		typeName = t.Base
	}
	return Property{}, false
}
