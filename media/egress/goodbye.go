package egress

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
)

const (
	recordHeader = 13 // type, version, epoch, sequence, length (RFC 6347 section 4.1)
	explicitIV   = 8  // RFC 5288 section 3
	// alertRecord is the size of a sealed alert: level, description, and the tag.
	alertRecord  = recordHeader + explicitIV + 2 + 16
	contentAlert = 21 // RFC 5246 appendix A.1
	alertFatal   = 2  // RFC 5246 section 7.2
	closeNotify  = 0
	// keyBlock is for both directions of AES-128-GCM, which has no MAC keys (RFC 5246 section 6.3).
	keyBlock = 2 * (16 + 4)
	// ourSuite is the one we like best, which every browser has.
	ourSuite = uint16(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
)

// farewell is what it takes to know a client's goodbye for his own, after the connection that made the keys is gone: the
// key and the implicit nonce of his direction. Zero for a cipher suite other than ours; such a client falls silent and
// is swept away.
type farewell struct {
	state *dtls.State // of the handshake, until the first alert, if ever there is one
	key   [16]byte
	nonce [4]byte
}

func newFarewell(state *dtls.State) farewell {
	state.PeerCertificates = nil // checked, and not needed again
	return farewell{state: state}
}

// derive makes the keys again that a finished handshake has made (RFC 5246 section 6.3). pion gives the secrets only in the
// form in which a connection is stored, which takes a while: so not before there is something to open.
func (f *farewell) derive() error {
	state := f.state
	f.state = nil
	var secrets struct {
		LocalRandom, RemoteRandom [32]byte
		CipherSuiteID             uint16
		MasterSecret              []byte
	}
	stored, err := state.MarshalBinary()
	if err != nil {
		return err
	}
	if err := gob.NewDecoder(bytes.NewReader(stored)).Decode(&secrets); err != nil {
		return err
	}
	if secrets.CipherSuiteID != ourSuite {
		return nil
	}
	seed := append([]byte("key expansion"), secrets.LocalRandom[:]...) // we are the server
	block, err := prf.PHash(secrets.MasterSecret, append(seed, secrets.RemoteRandom[:]...), keyBlock, sha256.New)
	if err != nil {
		return err
	}
	copy(f.key[:], block)
	copy(f.nonce[:], block[32:])
	return nil
}

var errNoGoodbye = errors.New("not a goodbye")

// check returns nil for a record in which the client ends the connection: close_notify or a fatal alert, sealed with his
// key. An alert that is not sealed can be sent by anybody and means nothing (RFC 6347 section 4.1.2.7).
func (f *farewell) check(record []byte) error {
	if len(record) != alertRecord || record[0] != contentAlert ||
		binary.BigEndian.Uint16(record[3:]) != 1 || binary.BigEndian.Uint16(record[11:]) != alertRecord-recordHeader {
		return errNoGoodbye
	}
	if f.state != nil {
		if err := f.derive(); err != nil {
			return err
		}
	}
	if *f == (farewell{}) {
		return errNoGoodbye
	}
	block, err := aes.NewCipher(f.key[:])
	if err != nil {
		return err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	nonce := append(f.nonce[:4:4], record[recordHeader:recordHeader+explicitIV]...)
	extra := append([]byte(nil), record[3:11]...)                // epoch and sequence
	extra = append(extra, record[0], record[1], record[2], 0, 2) // type, version, length
	clear, err := seal.Open(nil, nonce, record[recordHeader+explicitIV:], extra)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoGoodbye, err)
	}
	if clear[0] != alertFatal && clear[1] != closeNotify {
		return errNoGoodbye
	}
	return nil
}
