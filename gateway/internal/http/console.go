package http

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/publicnet"
)

const (
	firstPage = "index.html"
	// hashedFolder is the folder whose files' names change with what is in them.
	hashedFolder = "assets/"
)

// codings are the forms in which the build leaves a file beside it, the smallest first.
var codings = []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}}

// mediaTypes are those of the files of a build; what the system calls them varies.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json", ".png": "image/png",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2",
}

//go:embed unbuilt.html
var unbuilt []byte

// file is one file of the build.
type file struct {
	name  string
	kind  string // its media type
	body  []byte
	coded map[string][]byte // by coding; those that the build made
}

// Console serves the built console: its files, and its first page wherever a browser opens an
// address that nobody else serves.
type Console struct {
	files     map[string]*file
	ancestors []string // origins that may show it in a frame
}

// NewConsole reads a build; one without a first page is not there, and a page says so.
// Origins are those of pages that may show the console in a frame.
func NewConsole(build fs.FS, origins []string) (*Console, error) {
	c := &Console{files: map[string]*file{}, ancestors: origins}
	err := fs.WalkDir(build, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || mediaTypes[path.Ext(name)] == "" {
			return err
		}
		body, err := fs.ReadFile(build, name)
		if err != nil {
			return err
		}
		c.files[name] = &file{name: name, kind: mediaTypes[path.Ext(name)], body: body, coded: coded(build, name)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the console: %w", err)
	}
	return c, nil
}

// coded gives what the build compressed of a file.
func coded(build fs.FS, name string) map[string][]byte {
	out := map[string][]byte{}
	for _, coding := range codings {
		if body, err := fs.ReadFile(build, name+coding.ext); err == nil {
			out[coding.name] = body
		}
	}
	return out
}

// Handler is the console among the gateway's handlers.
func (c *Console) Handler() Handler {
	return Handler{
		Verb: http.MethodGet, Path: Elsewhere, Open: "the console's files, which hold no data", Serve: c.serve,
	}
}

func (c *Console) serve(w http.ResponseWriter, r *http.Request, in *access.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if f, ok := c.files[name]; ok && name != firstPage {
		c.write(w, r, f)
		return
	}
	// Only what opens a page gets one: a program with a wrong address must see that.
	if name != "" && !strings.Contains(r.Header.Get("Accept"), "text/html") || strings.HasPrefix(name, hashedFolder) {
		WriteProblem(w, r, in, NotFound())
		return
	}
	f, ok := c.files[firstPage]
	if !ok {
		WritePage(w, http.StatusServiceUnavailable, unbuilt)
		return
	}
	c.write(w, r, f)
}

func (c *Console) write(w http.ResponseWriter, r *http.Request, f *file) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case strings.HasPrefix(f.name, hashedFolder):
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	case f.name != firstPage:
		h.Set("Cache-Control", "public, max-age=3600")
	}
	if f.name == firstPage {
		c.protect(h)
	}
	body := f.body
	if len(f.coded) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
	for _, coding := range codings {
		if compressed, ok := f.coded[coding.name]; ok && accepts(r, coding.name) {
			h.Set("Content-Encoding", coding.name)
			body = compressed
			break
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the server leaves it out of the answer to a HEAD
}

// protect lets the page load what is our own alone, and be shown where it may be.
// Styles are set by script as attributes and elements, hence 'unsafe-inline'.
func (c *Console) protect(h http.Header) {
	ancestors := "'none'"
	if len(c.ancestors) > 0 {
		ancestors = "'self' " + strings.Join(c.ancestors, " ")
		h.Del("X-Frame-Options") // which knows no list
	}
	h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "+
		"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "+
		"form-action 'self'; frame-ancestors "+ancestors)
	h.Set("Cache-Control", "no-store")
}

func accepts(r *http.Request, coding string) bool {
	for each := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(each), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// ParseOrigins reads origins of pages that may show the console in a frame, such
// as "https://psa.example". Without TLS only those of this machine are taken.
func ParseOrigins(list []string) ([]string, error) {
	var out []string
	for _, text := range list {
		text = strings.TrimSpace(text)
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || strings.ContainsAny(u.Host, "*;,' ") {
			return nil, fmt.Errorf("%q is no origin such as https://app.example", text)
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !publicnet.Loopback(u.Hostname())) {
			return nil, errors.New(text + ": an origin that may show the console needs https")
		}
		out = append(out, text)
	}
	return out, nil
}
