package connection

import (
	"regexp"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// entraTenant is the form of a directory's id. Names such as "common" stand for
// every tenant.
var entraTenant = regexp.MustCompile(`\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\z`)

// domainName is the form of a tenant's domain. Names without a dot, such as
// "common", stand for every tenant.
var domainName = regexp.MustCompile(`\A[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+\z`)

// CheckAuthority refuses what is neither the id nor a domain of one directory:
// errs.Invalid, reason "invalid_tenant". It becomes a part of addresses, and names
// such as "common" let in accounts of every kind.
func CheckAuthority(name string) error {
	if entraTenant.MatchString(name) || (len(name) <= 255 && domainName.MatchString(name)) {
		return nil
	}
	return errs.Of(reason.InvalidTenant, errs.WithViolation("tenantId", "must be a directory's id or a domain of it"))
}
