package sock

import "testing"

// Clients come to an end before connections to targets do, and those before everything else.
func TestReserve(t *testing.T) {
	for limit, want := range map[int]int{64: 8, 128: 16, 1024: 128, 4096: 256, 1 << 20: 256} {
		if got := reserve(limit); got != want {
			t.Errorf("of %d descriptors %d are left to all else, want %d", limit, got, want)
		}
	}
}

func TestNotCrowded(t *testing.T) {
	if Crowded() {
		t.Error("this test has used up its descriptors")
	}
	if !crowded(Descriptors()-1) || crowded(0) {
		t.Error("the last descriptor is a client's, or the first is not")
	}
}
