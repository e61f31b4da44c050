package certs

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
)

// Tickets are the session ticket keys of this process.
var Tickets = new(TicketKeys)

// TicketKeys encrypt the session tickets that clients keep. They are apart from
// the tls.Config of a listener so that a session outlives it: a change of
// configuration replaces every Config, and without this each client would have to
// shake hands in full after it. The zero value is ready; its keys are random,
// change every day and are accepted for seven. Share has processes use the same.
//
// A ticket is good only for the scope and the server name it was given for. So a
// session agreed on one listener is not resumed on another of a different policy,
// and one for a.example not for b.example, even where the same process serves
// both (RFC 6066, section 3, and RFC 8446, section 4.6.1).
type TicketKeys struct {
	// keeper does the work: crypto/tls makes and rotates the keys of a Config that
	// was given none.
	keeper tls.Config
}

// Set replaces the keys, at least one: the first encrypts, all decrypt. From then on
// they change only by Set, and processes with the same keys resume each other's
// sessions. It may be called at any time; TicketFile calls it.
func (k *TicketKeys) Set(keys [][32]byte) { k.keeper.SetSessionTicketKeys(keys) }

// scopePrefix marks our entry among a session's extra ones.
const scopePrefix = "albatross-scope-1:"

// Use has cfg write and read its tickets with k. scope says which configurations
// may resume each other's sessions. It is not for a Config that asks for client
// certificates: see ConfigMutual.
func (k *TicketKeys) Use(cfg *tls.Config, scope string) {
	cfg.WrapSession = func(cs tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		session.Extra = append(session.Extra, scopeOf(scope, cs.ServerName))
		return k.keeper.EncryptTicket(cs, session)
	}
	cfg.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		session, err := k.keeper.DecryptTicket(ticket, cs)
		if session == nil || err != nil {
			return nil, err
		}
		want := scopeOf(scope, cs.ServerName)
		for _, extra := range session.Extra {
			if subtle.ConstantTimeCompare(extra, want) == 1 {
				return session, nil
			}
		}
		return nil, nil // a full handshake
	}
}

func scopeOf(scope, serverName string) []byte {
	sum := sha256.Sum256([]byte(scope + "\x00" + serverName))
	return append([]byte(scopePrefix), sum[:]...)
}
