package http2

import "time"

// A peer can keep us busy with frames that cost it nothing and lead nowhere. None
// of them is wrong by itself, so they are counted: each costs tokens, and requests
// and data that are really served earn them back, as does time. A connection that
// has none left ends with ENHANCE_YOUR_CALM.
//
// There are four purses.
//
//   - Resets are streams that came to nothing through the client: those it resets
//     at once (rapid reset, CVE-2023-44487), those we have to refuse or to reset
//     because of what it sent on them (MadeYouReset, CVE-2025-8671). Someone who
//     closes a page with 100 requests under way has 200 to spend; a client that
//     hedges calls earns one with every response. A stream that had its response's
//     head, or has lived for a while, is a cancelled download or a deadline that has
//     passed: work was done for it, and it kept its place meanwhile. It earns as much
//     as one that is served, so that only a majority of others counts (Envoy has it so,
//     premature_reset_total_stream_count).
//   - Noise is frames that ask for nothing: PING, SETTINGS, PRIORITY, empty DATA,
//     unknown types, frames on streams that have ended, and more CONTINUATION
//     frames than a header block of 64 KiB needs (CVE-2019-9511 to 9518,
//     CVE-2024-27316). Requests and large DATA frames earn some.
//   - PING has one more, which is spent first and earned by DATA alone: gRPC's clients
//     and servers ping behind the DATA that they get, to measure how much may be under
//     way (gRFC A8 asks servers to forgive that).
//   - WINDOW_UPDATE has its own, for its number grows with what we send: there are
//     clients that send two for each 4 KiB, and much later. DATA earns them by its
//     size.
//
// DATA earns only where it is work. What we send is, unless a client's tiny window has cut
// it short, as then that makes the frames (CVE-2019-9511, 9517). What we get is,
// unless it is less than the frame around it. Answers that the peer does not read are
// bounded otherwise: see [Conn.heard].
const (
	maxResets       = 200
	resetsPerSecond = 20
	// rapid is how long a stream has lived at most when its reset costs a token. It is
	// less than the deadlines that calls have, and lets a client that only cancels, with
	// 128 streams at a time, do so no more often than it might ask and be answered.
	rapid = 10 * time.Millisecond

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

	maxPings  = 1 << 16
	leastData = frameHeaderSize // what a DATA frame of the peer's must have
)

// purse is what a connection has left to spend. Conn.mu guards it.
type purse struct {
	resets, noise, pings, windows int
	at                            time.Time // of the last refill
	target                        bool      // the peer is one
}

func newPurse(now time.Time) purse {
	return purse{resets: maxResets, noise: maxNoise, windows: minWindows, at: now}
}

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

// sent is called for each DATA frame of n bytes that we send.
func (p *purse) sent(n int) {
	p.moved(n)
	p.windows = min(p.windows+earnedByData*(1+n/usefulData), maxWindows)
}

// received is called for each DATA frame of n bytes on a stream that takes it.
func (p *purse) received(n int) {
	if n >= leastData {
		p.moved(n)
	}
}

func (p *purse) moved(n int) {
	p.pings = min(p.pings+1, maxPings)
	if n >= usefulData {
		p.noise = min(p.noise+1, maxNoise)
	}
}

// served is called for a stream that work was done for.
func (p *purse) served() { p.resets = min(p.resets+1, maxResets) }

// forTargets is how much less noise costs a target: it is trusted more than a client, and
// the streams that would end with its connection are others'.
const forTargets = 10

func (p *purse) spendNoise(n int, what string) error {
	if p.target {
		n = max(n/forTargets, 1)
	}
	if p.noise -= n; p.noise < 0 {
		return connError(EnhanceYourCalm, "too many frames that ask for nothing: "+what)
	}
	return nil
}

func (p *purse) spendPing() error {
	if p.pings > 0 {
		p.pings--
		return nil
	}
	return p.spendNoise(noiseOfPing, "PING")
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
