package signaling_test

import (
	"testing"

	"lectern/signaling"
	"lectern/signaling/brokertest"
)

func TestLocalBroker(t *testing.T) {
	brokertest.Contract(t, 1, func(*testing.T) signaling.Broker { return signaling.NewLocal() })
}
