package relay

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

func binding(t testing.TB) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	must(t, err)
	return m.Raw
}

func TestFrameLength(t *testing.T) {
	for _, tc := range []struct {
		head [4]byte
		want int // 0: refused
	}{
		{[4]byte{0, 1, 0, 0}, 20},
		{[4]byte{0, 1, 0, 8}, 28},
		{[4]byte{0, 1, 0, 7}, 0},
		{[4]byte{0x40, 0, 0, 0}, 4},
		{[4]byte{0x40, 0, 0, 5}, 12},
		{[4]byte{0x4f, 0xff, 0, 4}, 8},
		{[4]byte{0x50, 0, 0, 4}, 0},
		{[4]byte{0x80, 0, 0, 4}, 0},
		{[4]byte{0, 1, 0xff, 0xec}, 0}, // with its header 65,536 bytes: none, in 16 bits
		{[4]byte{0x40, 0, 0xff, 0xfc}, 0},
	} {
		n, err := frameLength(tc.head)
		if n != tc.want || (err == nil) != (tc.want > 0) {
			t.Errorf("% x: got %d, %v; want %d", tc.head, n, err, tc.want)
		}
	}
}

// TestOverflowingLength sends what pion's own framing turns into an endless loop.
func TestOverflowingLength(t *testing.T) {
	st := open(t, nil)
	for _, head := range [][]byte{{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42}, {0, 1, 0, 0, 1, 2, 3, 4}} {
		c, err := net.Dial("tcp4", st.splitter.Addr().String())
		must(t, err)
		_, err = c.Write(append(head, make([]byte, 12)...))
		must(t, err)
		must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
			t.Error("answered")
		}
		must(t, c.Close())
	}
	eventually(t, "both counted", func() bool { return st.refused(t, "malformed") == 2 })
	eventually(t, "both ended", func() bool { return value(t, st.meters.connections) == 0 })
}

// FuzzStream holds that whatever comes is cut into the frames that it consists of, and that each frame is one that pion
// would cut in the same way.
func FuzzStream(f *testing.F) {
	f.Add(binding(f))
	f.Add(append(binding(f), 0x40, 1, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0))
	f.Add([]byte{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		in, whole := bytes.NewReader(stream), 0
		b := make([]byte, maxFrame+1)
		for {
			n, err := readFrame(in, b)
			if err != nil {
				break
			}
			if n < dataHeader || n > maxFrame || !bytes.Equal(b[:n], stream[whole:whole+n]) {
				t.Fatalf("frame of %d bytes at %d is not what was sent", n, whole)
			}
			if n >= 9 {
				got, _, err := turn.NewSTUNConn(&once{b: b[:n]}).ReadFrom(make([]byte, maxFrame+1))
				if err != nil || got != n {
					t.Fatalf("pion cuts % x after %d of %d bytes: %v", b[:4], got, n, err)
				}
			}
			whole += n
		}
	})
}

// once is a connection with one read.
type once struct {
	net.Conn
	b []byte
}

func (o *once) Read(b []byte) (int, error) {
	if o.b == nil {
		return 0, io.EOF
	}
	n := copy(b, o.b)
	o.b = nil
	return n, nil
}

func (o *once) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// FuzzServer throws streams at a whole server, behind which a client with good manners goes on being served.
func FuzzServer(f *testing.F) {
	st := open(f, nil)
	through, err := st.client(f, st.Credentials("dr-rao")).Allocate()
	must(f, err)
	f.Add(binding(f))
	for _, kind := range []stun.MessageType{
		{Method: stun.MethodAllocate},
		{Method: stun.MethodRefresh},
		{Method: stun.MethodCreatePermission},
		{Method: stun.MethodChannelBind},
		{Method: stun.MethodConnect},
		{Method: stun.MethodConnectionBind},
		{Method: stun.MethodSend, Class: stun.ClassIndication},
	} {
		m, err := stun.Build(stun.TransactionID, kind, stun.NewUsername("1:x"), stun.NewRealm(realm), stun.NewNonce("n"), stun.NewShortTermIntegrity("p"))
		must(f, err)
		f.Add(m.Raw)
	}
	f.Add(binary.BigEndian.AppendUint32([]byte{0x40, 0, 0, 4}, 7))
	f.Fuzz(func(t *testing.T, stream []byte) {
		c, err := net.Dial("tcp4", st.splitter.Addr().String())
		must(t, err)
		defer c.Close()
		_, _ = c.Write(append([]byte{0}, stream...))
		_ = c.(*net.TCPConn).CloseWrite() // it may be closed already
		must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		if _, err := io.Copy(io.Discard, c); err != nil && !isReset(err) {
			t.Fatalf("the connection stays open: %v", err)
		}
		says(t, through, st.media.conn.LocalAddr(), "somebody else is still served")
	})
}
