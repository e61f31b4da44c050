package http2

import "time"

// A client can keep a server busy with frames that cost it nothing and lead
// nowhere. None of them is wrong by itself, so they are counted: each costs
// tokens, and requests and data that are really served earn them back, as does
// time. A connection that has none left ends with ENHANCE_YOUR_CALM.
//
// There are three purses.
//
//   - Resets are streams that came to nothing through the client: those it resets
//     before the response is complete (rapid reset, CVE-2023-44487), those we have
//     to refuse or to reset because of what it sent on them (MadeYouReset,
//     CVE-2025-8671). Someone who closes a page with 100 requests under way has
//     200 to spend; a client that hedges calls earns one with every response.
//   - Noise is frames that ask for nothing: PING, SETTINGS, PRIORITY, empty DATA,
//     unknown types, frames on streams that have ended, and more CONTINUATION
//     frames than a header block of 64 KiB needs (CVE-2019-9511 to 9518,
//     CVE-2024-27316). Each request earns some. What must be answered is held until
//     the answer is sent, so this purse bounds that, too: by 400 times 17 bytes.
//   - WINDOW_UPDATE has its own, for its number grows with what we send: there are
//     clients that send two for each 4 KiB, and much later. DATA earns them by its
//     size, unless a tiny window has cut it short (CVE-2019-9511, 9517).
const (
	maxResets       = 200
	resetsPerSecond = 20

	maxNoise            = 400
	noisePerSecond      = 60
	earnedByRequest     = 4
	noiseOfPing         = 1
	noiseOfSettings     = 20
	noiseOfPriority     = 1
	noiseOfEmptyData    = 4
	noiseOfUnknown      = 1
	noiseOfStray        = 2 // a frame on a stream that has ended
	noiseOfContinuation = 8 // one that is empty, or more than freeContinuations
	freeContinuations   = 8

	minWindows   = 400 // to begin with, and by the time that passes
	maxWindows   = 1 << 20
	earnedByData = 2       // and as much for each usefulData bytes
	usefulData   = 1 << 10 // what a DATA frame that was cut short by a window must have
)

// purse is what a connection has left to spend. Conn.mu guards it.
type purse struct {
	resets, noise, windows int
	at                     time.Time // of the last refill
}

func newPurse(now time.Time) purse { return purse{maxResets, maxNoise, minWindows, now} }

// refill gives tokens for the time that has passed.
func (p *purse) refill(now time.Time) {
	const tick = time.Second / resetsPerSecond
	n := int(min(now.Sub(p.at)/tick, maxResets))
	if n <= 0 {
		return
	}
	p.at = now
	p.resets = min(p.resets+n, maxResets)
	n *= noisePerSecond / resetsPerSecond
	p.noise = min(p.noise+n, maxNoise)
	p.windows = max(p.windows, min(p.windows+n, minWindows))
}

// request is called for each request.
func (p *purse) request() {
	p.noise = min(p.noise+earnedByRequest, maxNoise)
	p.windows = min(p.windows+earnedByRequest, maxWindows)
}

// data is called for each DATA frame of n bytes that we send.
func (p *purse) data(n int) {
	p.windows = min(p.windows+earnedByData*(1+n/usefulData), maxWindows)
}

// served is called for a stream that ended as it should.
func (p *purse) served() { p.resets = min(p.resets+1, maxResets) }

func (p *purse) spendNoise(n int, what string) error {
	if p.noise -= n; p.noise < 0 {
		return connError(EnhanceYourCalm, "too many frames that ask for nothing: "+what)
	}
	return nil
}

func (p *purse) spendWindow() error {
	if p.windows--; p.windows < 0 {
		return connError(EnhanceYourCalm, "too many tiny WINDOW_UPDATEs")
	}
	return nil
}

func (p *purse) spendReset() error {
	if p.resets--; p.resets < 0 {
		return connError(EnhanceYourCalm, "too many streams that come to nothing")
	}
	return nil
}
