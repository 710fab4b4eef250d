package reason

import (
	"fmt"
	"strings"
)

// Page describes every reason for people, as docs/errors.md.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Error codes

Every refusal carries a stable ` + "`code`" + ` beside a text for people; programs decide by the code, never by the text. Over REST it stands in ` + "`application/problem+json`" + `, over Connect and gRPC in ` + "`google.rpc.ErrorInfo`" + `. The same codes stand in results of runs, in problems of managed tenants and in the status.

Made from the contract (` + "`proto/entrasync/reason`" + `) by ` + "`make generate`" + `; do not edit it.
`)
	for _, group := range All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| code | HTTP | meaning | what to do |\n|---|---|---|---|\n", group.Title, group.About)
		for _, r := range group.Reasons {
			status := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Statuses()), " ", ", "), "[]")
			if r.Inside {
				status = "–"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, status, r.Text, r.Do)
		}
	}
	return b.String()
}
