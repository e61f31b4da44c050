package http2

import "time"

// A client can keep a server busy with frames that cost it nothing and lead
// nowhere. None of them is wrong by itself, so they are counted: each costs
// tokens, and requests and data that are really served earn them back, as does
// time. A connection that has none left ends with ENHANCE_YOUR_CALM.
//
// There are two purses.
//
//   - Resets are streams that came to nothing through the client: those it resets
//     before the response is complete (rapid reset, CVE-2023-44487), those we have
//     to refuse or to reset because of what it sent on them (MadeYouReset,
//     CVE-2025-8671). Someone who closes a page with 100 requests under way has
//     200 to spend; a client that hedges calls earns one with every response.
//   - Noise is frames that ask for nothing: PING, SETTINGS, PRIORITY,
//     WINDOW_UPDATE, empty DATA, unknown types, frames on streams that have ended,
//     and more CONTINUATION frames than a header block of 64 KiB needs
//     (CVE-2019-9511 to 9518, CVE-2024-27316). Each request earns some, and so does
//     each DATA frame that we send, by its size, unless a tiny window has cut it
//     short: there are clients that send two WINDOW_UPDATEs for each 4 KiB.
//
// Frames that ask for an answer are held in memory until it is sent; the purse
// bounds those, too: a SETTINGS or PING costs us at most 17 bytes.
const (
	maxResets       = 200
	resetsPerSecond = 20

	maxNoise       = 400
	noisePerSecond = 50

	noiseOfPing         = 1
	noiseOfSettings     = 20
	noiseOfPriority     = 1
	noiseOfWindow       = 1
	noiseOfEmptyData    = 4
	noiseOfUnknown      = 1
	noiseOfStray        = 2 // a frame on a stream that has ended
	noiseOfContinuation = 8 // one that is empty, or more than freeContinuations
	freeContinuations   = 8

	earnedByRequest = 4
	earnedByData    = 2       // and as much for each usefulData bytes
	usefulData      = 1 << 10 // what a DATA frame that was cut short by a window must have
)

// purse is what a connection has left to spend. Conn.mu guards it.
type purse struct {
	resets, noise int
	at            time.Time // of the last refill
}

func newPurse(now time.Time) purse { return purse{maxResets, maxNoise, now} }

// refill gives tokens for the time that has passed.
func (p *purse) refill(now time.Time) {
	const tick = time.Second / resetsPerSecond
	n := int(min(now.Sub(p.at)/tick, maxResets))
	if n <= 0 {
		return
	}
	p.at = now
	p.resets = min(p.resets+n, maxResets)
	p.earn(n * noisePerSecond / resetsPerSecond)
}

// earn adds to what may be spent on noise.
func (p *purse) earn(n int) { p.noise = min(p.noise+n, maxNoise) }

// served is called for a stream that ended as it should.
func (p *purse) served() { p.resets = min(p.resets+1, maxResets) }

func (p *purse) spendNoise(n int, what string) error {
	if p.noise -= n; p.noise < 0 {
		return &ConnError{Code: EnhanceYourCalm, Reason: "too many frames that ask for nothing: " + what}
	}
	return nil
}

func (p *purse) spendReset() error {
	if p.resets--; p.resets < 0 {
		return &ConnError{Code: EnhanceYourCalm, Reason: "too many streams that come to nothing"}
	}
	return nil
}
