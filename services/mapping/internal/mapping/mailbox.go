package mapping

import (
	_ "embed"
	"strings"
)

//go:generate go run ../mailboxlist -out mailbox_domains.txt

//go:embed mailbox_domains.txt
var mailboxDomainList string

// mailboxDomains are domains at which anyone can have a mailbox.
var mailboxDomains = func() map[string]bool {
	domains := make(map[string]bool, strings.Count(mailboxDomainList, "\n"))
	for line := range strings.Lines(mailboxDomainList) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			domains[line] = true
		}
	}
	return domains
}()
