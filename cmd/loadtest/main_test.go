package main

import (
	"context"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"lectern/loadtest"
	"lectern/media/egress"
	"lectern/media/sfu"
)

// TestFiveReceivers measures both ways to serve attendees for a moment, with a server in this process.
func TestFiveReceivers(t *testing.T) {
	for name, peers := range map[string]bool{"egress": false, "peer": true} {
		t.Run(name, func(t *testing.T) {
			forwarder, err := sfu.New(sfu.Config{UDPAddr: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			attendees, err := egress.New(egress.Config{UDPAddr: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 2)
			go func() { ended <- forwarder.Run(ctx) }()
			go func() { ended <- attendees.Run(ctx) }()
			server := httptest.NewServer(routes(forwarder, attendees, peers))
			t.Cleanup(func() {
				server.Close()
				cancel()
				for range 2 {
					if err := <-ended; err != nil {
						t.Error(err)
					}
				}
			})
			result, err := loadtest.Forwarding{
				WHIP: server.URL + "/whip/load", WHEP: server.URL + "/whep/load", PID: os.Getpid(), Receivers: 5, Duration: time.Second,
			}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if result.Connected != 5 || result.DeliveredRatio < 0.99 || result.SeqLost != 0 || result.USPerPacket <= 0 || result.DelayP99 > 1000 {
				t.Errorf("%+v", result)
			}
		})
	}
}
