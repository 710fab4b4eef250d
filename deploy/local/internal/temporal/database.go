package temporal

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// database says how Temporal reaches PostgreSQL.
type database struct {
	// host is a name or an address, an IPv6 one in brackets.
	host, port string
	// attributes are what the connection string says of TLS, under PostgreSQL's names. Temporal
	// hands them to the driver that reads the string for everybody else, so that all take it alike.
	attributes map[string]string
}

// database reads the administrator's connection string.
func (s Server) database() (database, error) {
	// The error of the parser quotes what it could not read, which may be a password.
	config, err := pgx.ParseConfig(s.AdminURL)
	if err != nil {
		return database{}, errors.New("DATABASE_URL is not a connection string that PostgreSQL understands")
	}
	if strings.HasPrefix(config.Host, "/") {
		return database{}, errors.New("DATABASE_URL names a Unix socket, which Temporal cannot use: name a host")
	}
	u, err := url.Parse(s.AdminURL)
	if err != nil {
		return database{}, errors.New("DATABASE_URL is not a URL such as postgres://user:password@host/database")
	}
	host := config.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	// Without the setting the driver uses TLS where the server offers it; Temporal would switch it off.
	attributes := map[string]string{"sslmode": "prefer"}
	for name, values := range u.Query() {
		if strings.HasPrefix(name, "ssl") {
			attributes[name] = values[0]
		}
	}
	return database{host: host, port: strconv.Itoa(int(config.Port)), attributes: attributes}, nil
}

// query is the attributes as the schema tool takes them.
func (d database) query() string {
	q := url.Values{}
	for name, value := range d.attributes {
		q.Set(name, value)
	}
	return q.Encode()
}
