package object

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a Store in a bucket, below a prefix.
type S3 struct {
	client *minio.Core
	bucket string
	prefix string // "" or ends in a slash
}

var _ Store = (*S3)(nil)

// How long we wait for a connection and for the first byte of an answer: a store that is silent for longer counts as
// gone. The deadline of a whole call is its caller's.
const (
	dialWithin   = 2 * time.Second
	answerWithin = 4 * time.Second
)

// checksumHeader makes the server itself compare the content (S3 API, PutObject).
const checksumHeader = "X-Amz-Checksum-Sha256"

// OpenS3 takes a URL such as https://KEY:SECRET@s3.example.org/bucket/prefix?region=eu-central-1. Without a key it is
// the machine's role on AWS, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. It asks the server nothing.
func OpenS3(text string) (*S3, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("open store: not a URL") // the error would repeat the secret
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if u.Host == "" || bucket == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("open store: want https://KEY:SECRET@host/bucket")
	}
	if prefix != "" {
		if err := checkKey(prefix); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
		prefix += "/"
	}
	keys := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.IAM{}})
	if secret, given := u.User.Password(); given {
		keys = credentials.NewStaticV4(u.User.Username(), secret, "")
	}
	client, err := minio.NewCore(u.Host, &minio.Options{
		Creds: keys, Secure: u.Scheme == "https", Region: u.Query().Get("region"),
		MaxRetries: 1, // whoever calls us knows whether and when to try again
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialWithin, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   dialWithin,
			ResponseHeaderTimeout: answerWithin,
			MaxIdleConnsPerHost:   32,
			IdleConnTimeout:       time.Minute,
			DisableCompression:    true, // or a range would be one of something else
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &S3{client: client, bucket: bucket, prefix: prefix}, nil
}

// failed turns an error of the S3 API into one of ours.
func failed(what, key string, err error) error {
	answer := minio.ToErrorResponse(err)
	switch {
	case answer.StatusCode == http.StatusRequestedRangeNotSatisfiable, answer.Code == minio.InvalidRange:
		err = ErrRange
	case answer.Code == minio.NoSuchKey, answer.Code == "NotFound":
		err = ErrNotFound
	case answer.Code == "BadDigest", answer.Code == "XAmzContentChecksumMismatch", answer.Code == "InvalidDigest",
		answer.Code == "XAmzContentSHA256Mismatch", answer.Code == "IncompleteBody":
		err = fmt.Errorf("%w: %s", ErrMismatch, answer.Code)
	}
	return fmt.Errorf("%s %s: %w", what, key, err)
}

// Put sends the checksum along, so that the server stores the right content or nothing.
func (s *S3) Put(ctx context.Context, key string, body io.Reader, size int64, sum [sha256.Size]byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	hash := sha256.New()
	in := &counted{ctx: ctx, from: io.LimitReader(body, size+1), hash: hash}
	out, err := s.client.Client.PutObject(ctx, s.bucket, s.prefix+key, in, size, minio.PutObjectOptions{
		ContentType: contentType(key), DisableMultipart: true,
		UserMetadata: map[string]string{checksumHeader: base64.StdEncoding.EncodeToString(sum[:])},
	})
	var extra [1]byte
	if n, _ := in.Read(extra[:]); in.n != size && ctx.Err() == nil && (err != nil || n > 0) {
		return errors.Join(fmt.Errorf("put %s: %w", key, ErrMismatch), s.withdraw(ctx, key, err))
	}
	if err != nil {
		return failed("put", key, err)
	}
	if out.ChecksumSHA256 != "" && out.ChecksumSHA256 != base64.StdEncoding.EncodeToString(sum[:]) || [sha256.Size]byte(hash.Sum(nil)) != sum {
		return errors.Join(fmt.Errorf("put %s: %w", key, ErrMismatch), s.withdraw(ctx, key, err))
	}
	return nil
}

// withdraw removes what a server stored although it is wrong.
func (s *S3) withdraw(ctx context.Context, key string, err error) error {
	if err != nil {
		return nil // it stored nothing
	}
	return s.Delete(ctx, key)
}

// Get asks for a range.
func (s *S3) Get(ctx context.Context, key string, from, n int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if from < 0 {
		return nil, fmt.Errorf("get %s: %w", key, ErrRange)
	}
	if n == 0 { // no range says that
		_, err := s.Stat(ctx, key)
		return io.NopCloser(strings.NewReader("")), err
	}
	var o minio.GetObjectOptions
	if from > 0 || n > 0 {
		span := fmt.Sprintf("bytes=%d-", from)
		if n > 0 {
			span += fmt.Sprint(from + n - 1)
		}
		o.Set("Range", span)
	}
	body, _, _, err := s.client.GetObject(ctx, s.bucket, s.prefix+key, o)
	if err == nil {
		return body, nil
	}
	err = failed("get", key, err)
	if from == 0 && errors.Is(err, ErrRange) { // a range of an empty object
		return io.NopCloser(strings.NewReader("")), nil
	}
	return nil, err
}

// Stat asks for the head.
func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	o, err := s.client.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, failed("stat", key, err)
	}
	return Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil
}

// Delete deletes.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err == nil {
		return nil
	}
	if err = failed("delete", key, err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// List asks for one page.
func (s *S3) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if err := checkList(prefix, limit); err != nil {
		return nil, err
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough() // ends the listing behind the channel
	o := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, MaxKeys: limit}
	if after != "" {
		o.StartAfter = s.prefix + after
	}
	var page []Info
	for info := range s.client.Client.ListObjects(ctx, s.bucket, o) {
		if info.Err != nil {
			return nil, failed("list", prefix, info.Err)
		}
		page = append(page, Info{Key: strings.TrimPrefix(info.Key, s.prefix), Size: info.Size, Modified: info.LastModified})
		if len(page) == limit {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	return page, nil
}

// contentType is what browsers are told when a network serves the bucket itself.
func contentType(key string) string {
	switch path.Ext(key) {
	case ".m4s", ".mp4":
		return "video/mp4"
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".vtt":
		return "text/vtt"
	case ".jpg":
		return "image/jpeg"
	}
	return "application/octet-stream"
}
