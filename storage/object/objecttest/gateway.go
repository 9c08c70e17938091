package objecttest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// GatewayVersion is the S3 server of the tests: versitygw, on a folder. `.ci/need versitygw` installs it.
const GatewayVersion = "v1.8.0"

// Credentials of the server, which are nobody's.
const (
	gatewayKey    = "lecterntest"
	gatewaySecret = "secret-of-the-tests"
	bucket        = "recordings"
)

// Gateway is a real S3 server on this machine. It can be killed and started again.
type Gateway struct {
	t       testing.TB
	program string
	folder  string
	addr    string
	process *exec.Cmd
}

// StartGateway starts a server on an empty folder, with one bucket. It ends with the test. Where versitygw is not
// installed, the test is skipped and says how to install it.
func StartGateway(t testing.TB) *Gateway {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "lectern", "versitygw-"+GatewayVersion)
	if _, err := os.Stat(program); err != nil {
		t.Skipf("not run: there is no S3 server at %s; .ci/need versitygw installs it", program)
	}
	g := &Gateway{t: t, program: program, folder: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = l.Addr().String()
	l.Close()
	for _, dir := range []string{"data", "meta"} {
		if err := os.Mkdir(filepath.Join(g.folder, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(g.Kill)
	g.Start()
	client, err := minio.New(g.addr, &minio.Options{Creds: credentials.NewStaticV4(gatewayKey, gatewaySecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return g
}

// URL names the bucket as object.OpenS3 wants it.
func (g *Gateway) URL() string {
	return fmt.Sprintf("http://%s:%s@%s/%s/below?region=us-east-1", gatewayKey, gatewaySecret, g.addr, bucket)
}

// Addr is the host and port of the server.
func (g *Gateway) Addr() string { return g.addr }

// Secret is what must stand in no log.
func (g *Gateway) Secret() string { return gatewaySecret }

// Start runs the server, again on the same folder and port if it was killed, and waits until it answers.
func (g *Gateway) Start() {
	g.t.Helper()
	g.process = exec.Command(g.program, "--port", g.addr, "--access", gatewayKey, "--secret", gatewaySecret, "--quiet",
		"posix", "--sidecar", filepath.Join(g.folder, "meta"), filepath.Join(g.folder, "data"))
	g.process.Stderr = g.t.Output()
	if err := g.process.Start(); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.addr+"/", nil)
		if err != nil {
			g.t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			return
		}
		if ctx.Err() != nil {
			g.t.Fatalf("versitygw does not answer at %s", g.addr)
		}
	}
}

// Kill ends the server without warning.
func (g *Gateway) Kill() {
	if g.process == nil {
		return
	}
	_ = g.process.Process.Kill()
	_ = g.process.Wait()
	g.process = nil
}
