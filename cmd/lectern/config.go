package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// config is everything that an operator can set. This file is the only reader of flags and environment.
type config struct {
	Addr      string // TCP listener of pages, API, socket, WHIP, WHEP and HLS
	AdminAddr string // /livez, /readyz, /metrics and profiles; keep it private
	MediaAddr string // the one UDP port of WebRTC; empty: host and port number of Addr
	Attendees string // light or peer: the transport of those who watch
	MediaIPs  string // addresses that browsers are told to send media to; empty: those of the machine
	Data      string // folder of the private PostgreSQL, recordings, keys and certificates
	Database  string // PostgreSQL URL; empty: a private PostgreSQL inside Data
	Redis     string // carries events between several nodes; empty: there is one
	URL       string // public URL; empty: derived from Addr
	Secret    string // key of the keyed hashes; empty: a file in Data
	TLS       string // off, files, self-signed or acme
	TLSCert   string
	TLSKey    string
	TURN      string // auto, off or a URL; once finished the URL, empty for off
	Proxies   string // networks whose X-Forwarded-For is believed
	SMTP      string // smtp://user:password@host:port; empty: the mailbox page
	MailFrom  string
	Mailbox   string // auto, on or off: show outgoing mail at /mailbox
	Store     string // where recordings are copied to: a folder, or an S3 bucket's URL; empty: nowhere
	StoreKeep string // how long what was copied stays on our disk too; 0 for good
	CDNURL    string // hosts from which viewers fetch media; empty: from us
	CDNKeyID  string
	CDNKey    string // PEM file: the private key, for an edge the public one
	CDNSecret string // shared by origin and edges
	Edge      string // URL of the origin: be an edge of it and nothing else
	EdgeMB    string // megabytes that an edge keeps
	FFmpeg    string
	Whisper   string // program of speech recognition; empty: none

	WhisperModel string // file of its model
	Polish       string
	LogFormat    string
	Demo         bool // serve: on a new data folder create the demo programme and print its links
}

// setting ties one flag to its environment variable. README.md lists them all, which a test compares.
type setting struct {
	flag, env, value, usage string
	to                      func(*config) *string
}

var settings = []setting{
	{"addr", "LECTERN_ADDR", "127.0.0.1:8080", "address of the pages, the API, the socket and HLS", func(c *config) *string { return &c.Addr }},
	{"admin-addr", "LECTERN_ADMIN_ADDR", "127.0.0.1:8081", "address of /livez, /readyz and /metrics; keep it private", func(c *config) *string { return &c.AdminAddr }},
	{"media-addr", "LECTERN_MEDIA_ADDR", "", "UDP address of WebRTC media; empty: as LECTERN_ADDR", func(c *config) *string { return &c.MediaAddr }},
	{"media-ips", "LECTERN_MEDIA_IPS", "", "addresses announced for media, comma separated; empty: the machine's", func(c *config) *string { return &c.MediaIPs }},
	{"attendees", "LECTERN_ATTENDEES", "light", "how attendees get WebRTC: light (our own transport) or peer (a PeerConnection each)", func(c *config) *string { return &c.Attendees }},
	{"data", "LECTERN_DATA", "./data", "folder of the private database, recordings and keys", func(c *config) *string { return &c.Data }},
	{"database-url", "DATABASE_URL", "", "PostgreSQL 15 or newer; empty: a private one in the data folder", func(c *config) *string { return &c.Database }},
	{"redis-url", "REDIS_URL", "", "Redis that carries events of the rooms between several nodes, redis://user:password@host:6379/0; empty: one node", func(c *config) *string { return &c.Redis }},
	{"url", "LECTERN_URL", "", "public URL; empty: derived from LECTERN_ADDR", func(c *config) *string { return &c.URL }},
	{"secret", "LECTERN_SECRET", "", "key of the keyed hashes, 32 characters or more; empty: a file in the data folder", func(c *config) *string { return &c.Secret }},
	{"tls", "LECTERN_TLS", "off", "off, files, self-signed or acme (Let's Encrypt for the host of LECTERN_URL)", func(c *config) *string { return &c.TLS }},
	{"tls-cert", "LECTERN_TLS_CERT", "", "certificate file (PEM) for -tls files", func(c *config) *string { return &c.TLSCert }},
	{"tls-key", "LECTERN_TLS_KEY", "", "key file (PEM) for -tls files", func(c *config) *string { return &c.TLSKey }},
	{"turn", "LECTERN_TURN", "auto", "TURN for networks that block UDP: auto (on the port of LECTERN_ADDR), off, or the URL by which clients reach that port", func(c *config) *string { return &c.TURN }},
	{"trusted-proxies", "LECTERN_TRUSTED_PROXIES", "", "networks whose X-Forwarded-For is believed, comma separated", func(c *config) *string { return &c.Proxies }},
	{"smtp-url", "LECTERN_SMTP_URL", "", "outgoing mail, smtp://user:password@host:587; empty: the mailbox page", func(c *config) *string { return &c.SMTP }},
	{"mail-from", "LECTERN_MAIL_FROM", "lectern@localhost", "sender of outgoing mail", func(c *config) *string { return &c.MailFrom }},
	{"mailbox", "LECTERN_MAILBOX", "auto", "show outgoing mail at /mailbox: auto (when address and URL are loopback and there is no SMTP), on or off", func(c *config) *string { return &c.Mailbox }},
	{"store", "LECTERN_STORE", "", "second place of recordings: a folder, or S3 as https://KEY:SECRET@host/bucket?region=eu-central-1; empty: the data folder only", func(c *config) *string { return &c.Store }},
	{"store-keep", "LECTERN_STORE_KEEP", "0", "how long a recording that is in LECTERN_STORE stays in the data folder too, such as 720h; 0: for good", func(c *config) *string { return &c.StoreKeep }},
	{"cdn-url", "LECTERN_CDN_URL", "", "hosts of the CDN or of edges for HLS, the preferred one first, comma separated; empty: viewers fetch from here", func(c *config) *string { return &c.CDNURL }},
	{"cdn-key-id", "LECTERN_CDN_KEY_ID", "", "ID of the key that signs cookies; CloudFront's for its public half", func(c *config) *string { return &c.CDNKeyID }},
	{"cdn-key", "LECTERN_CDN_KEY", "", "file of that RSA key (PEM); an edge wants the public half only", func(c *config) *string { return &c.CDNKey }},
	{"cdn-secret", "LECTERN_CDN_SECRET", "", "what the CDN sends us as X-Lectern-Edge, 32 characters or more; the same at every edge", func(c *config) *string { return &c.CDNSecret }},
	{"edge", "LECTERN_EDGE", "", "be an edge in front of this Lectern (a URL) and nothing else; LECTERN_URL is then the edge's own", func(c *config) *string { return &c.Edge }},
	{"edge-memory", "LECTERN_EDGE_MEMORY", "256", "megabytes of media that an edge keeps", func(c *config) *string { return &c.EdgeMB }},
	{"polish", "LECTERN_POLISH", "on", "encode recordings anew after the lecture, when the machine has time: on or off", func(c *config) *string { return &c.Polish }},
	{"ffmpeg", "LECTERN_FFMPEG", "ffmpeg", "ffmpeg program", func(c *config) *string { return &c.FFmpeg }},
	{"whisper", "LECTERN_WHISPER", "", "whisper-cli of whisper.cpp, for captions by speech recognition after a lecture; empty: none", func(c *config) *string { return &c.Whisper }},
	{"whisper-model", "LECTERN_WHISPER_MODEL", "", "file of its model (ggml), needed with LECTERN_WHISPER", func(c *config) *string { return &c.WhisperModel }},
	{"log", "LECTERN_LOG", "text", "text or json", func(c *config) *string { return &c.LogFormat }},
}

// newFlags returns a flag set whose values go to c: the flag wins over the environment, which wins over the
// default. Usage and errors go to out; they show the defaults and never what the environment holds, which may be
// a secret.
func newFlags(name string, c *config, env func(string) string, out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(out)
	for _, s := range settings {
		fs.StringVar(s.to(c), s.flag, s.value, s.usage+" ("+s.env+")")
		if v := env(s.env); v != "" {
			*s.to(c) = v
		}
	}
	return fs
}

// finish fills in what follows from other settings and refuses what cannot work, in words for an operator.
func (c *config) finish() error {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("LECTERN_ADDR %q: want host:port, such as 127.0.0.1:8080 or :443", c.Addr)
	}
	if c.MediaAddr == "" {
		c.MediaAddr = c.Addr
	}
	if c.URL == "" {
		c.URL = publicURL(host, port, c.TLS != "off")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("LECTERN_URL %q: want a URL without a path, such as https://lectures.example.org", c.URL)
	}
	c.URL = u.Scheme + "://" + u.Host
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return fmt.Errorf("LECTERN_DATA: %w", err)
	}
	if err := c.checkTLS(u); err != nil {
		return err
	}
	if err := c.finishTURN(u); err != nil {
		return err
	}
	if err := c.finishCDN(); err != nil {
		return err
	}
	if err := c.finishStore(); err != nil {
		return err
	}
	if c.Secret != "" && len(c.Secret) < 32 {
		return errors.New("LECTERN_SECRET: want at least 32 characters, for example from: openssl rand -hex 32")
	}
	if c.Polish != "on" && c.Polish != "off" {
		return fmt.Errorf("LECTERN_POLISH %q: want on or off", c.Polish)
	}
	if c.Attendees != "light" && c.Attendees != "peer" {
		return fmt.Errorf("LECTERN_ATTENDEES %q: want light or peer", c.Attendees)
	}
	if (c.Whisper == "") != (c.WhisperModel == "") {
		return errors.New("LECTERN_WHISPER and LECTERN_WHISPER_MODEL: want both, or none for no speech recognition")
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return fmt.Errorf("LECTERN_LOG %q: want text or json", c.LogFormat)
	}
	if _, err := prefixes(c.Proxies); err != nil {
		return fmt.Errorf("LECTERN_TRUSTED_PROXIES: %w", err)
	}
	switch c.Mailbox {
	case "auto":
		// The mailbox shows one-time codes, so it stands open only where nobody but this machine can ask for it:
		// a public URL in front of a loopback address is a proxy that lets everybody in.
		c.Mailbox = "off"
		if c.SMTP == "" && loopback(host) && loopback(u.Hostname()) {
			c.Mailbox = "on"
		}
	case "on", "off":
	default:
		return fmt.Errorf("LECTERN_MAILBOX %q: want auto, on or off", c.Mailbox)
	}
	return nil
}

func (c *config) checkTLS(u *url.URL) error {
	switch c.TLS {
	case "off", "self-signed":
	case "files":
		if c.TLSCert == "" || c.TLSKey == "" {
			return errors.New("LECTERN_TLS=files wants LECTERN_TLS_CERT and LECTERN_TLS_KEY")
		}
	case "acme":
		if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Hostname() == "localhost" {
			return errors.New("LECTERN_TLS=acme wants a public host name in LECTERN_URL, such as https://lectures.example.org")
		}
	default:
		return fmt.Errorf("LECTERN_TLS %q: want off, files, self-signed or acme", c.TLS)
	}
	if c.TLS != "off" && u.Scheme != "https" {
		return fmt.Errorf("LECTERN_URL %q: want https, because LECTERN_TLS is %s", c.URL, c.TLS)
	}
	return nil
}

// publicURL is what a browser on this machine types to reach host:port.
func publicURL(host, port string, secure bool) string {
	scheme, usual := "http", "80"
	if secure {
		scheme, usual = "https", "443"
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	if port == usual {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// prefixes reads networks and single addresses, comma separated.
func prefixes(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range fields(list) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			ip, ipErr := netip.ParseAddr(s)
			if ipErr != nil {
				return nil, fmt.Errorf("%q: want a network such as 10.0.0.0/8 or an address", s)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}
