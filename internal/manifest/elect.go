package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// statement is one thing that a member says and that can have only one value in
// its group.
type statement struct {
	key        string // what it is about: the same for all members
	annotation string
	value      string
}

// elect sets aside the members that contradict the others. Where members say
// different things the value that most of them have holds, and on a tie that of
// the first member: it is the odd one out that made the mistake, and a newcomer
// must not be able to turn out all the others. Who is set aside has no vote, and
// is told of all that it would contradict.
func (b *builder) elect(members []*member) {
	votes := map[string][]vote{}
	settled := settledBy(slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return !m.sound() }))
	for _, m := range members {
		for _, s := range settled.statements(m) {
			votes[s.key] = append(votes[s.key], vote{m, s})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(votes)) {
		winner, voted := winnerOf(votes[key])
		for _, v := range votes[key] {
			if voted && v.said.value != winner.said.value {
				b.blame(v.by, v.by.notes.faultf(v.said.annotation, "conflicting %s: %q here, %q in Ingress %s of the same group; write the same, or write it in one of them only",
					strings.ReplaceAll(key, "\x00", " "), shorten(v.said.value), shorten(winner.said.value), winner.by.name))
			}
		}
	}
}

type vote struct {
	by   *member
	said statement
}

// winnerOf is the first vote for the value that has most of them; voted is false where
// nobody may vote.
func winnerOf(votes []vote) (winner vote, voted bool) {
	count := map[string]int{}
	for _, v := range votes {
		if v.by.sound() {
			count[v.said.value]++
		}
	}
	most := 0
	for _, v := range votes {
		if n := count[v.said.value]; v.by.sound() && n > most {
			winner, most = v, n
		}
	}
	return winner, most > 0
}

// settled is what nobody can contradict: what the IngressClassParams of the first
// member settle, and web ACL ARNs where a name is given.
type settled struct {
	named      bool                            // there is a wafv2-acl-name
	guarded    bool                            // there are security groups
	noRedirect bool                            // nobody redirects
	class      *IngressClassParamsSpec         // of the first member
	listener   map[int]*IngressClassParamsSpec // of the first member on a port
}

func settledBy(members []*member) settled {
	s := settled{class: &IngressClassParamsSpec{}, listener: map[int]*IngressClassParamsSpec{}}
	for i, m := range members {
		if i == 0 {
			s.class = m.params
		}
		s.named = s.named || m.words.exclusive["wafv2-acl-name"] != ""
		s.guarded = s.guarded || m.words.exclusive["security-groups"] != ""
		s.noRedirect = s.noRedirect || m.words.noRedirect
		for number := range m.words.ports {
			if s.listener[number] == nil {
				s.listener[number] = m.params
			}
		}
	}
	return s
}

// settles tells whether an exclusive setting cannot be contradicted, since it has no effect.
func (s settled) settles(annotation string) bool {
	switch annotation {
	case "wafv2-acl-arn":
		return s.named
	case manageGroups:
		return !s.guarded
	case "ssl-redirect":
		return s.noRedirect
	case "ipam-ipv4-pool-id":
		return s.class.IPAMConfiguration != nil && s.class.IPAMConfiguration.IPv4IPAMPoolID != nil
	}
	return false
}

// statements lists what a member says.
func (s settled) statements(m *member) []statement {
	w, class := &m.words, s.class
	var all []statement
	say := func(annotation, about, value string) {
		key := annotation
		if about != "" {
			key += "\x00" + about
		}
		all = append(all, statement{key, annotation, value})
	}
	sayMap := func(annotation, about string, said, settled map[string]string) {
		for key, value := range said {
			if _, ok := settled[key]; !ok {
				say(annotation, strings.TrimSpace(about+" "+key), value)
			}
		}
	}
	for annotation, value := range w.exclusive {
		if !s.settles(annotation) {
			say(annotation, "", value)
		}
	}
	switch {
	case w.subnetsFrom == "annotation": // in any order
		say("subnets", "", "annotation "+strings.Join(slices.Sorted(slices.Values(w.subnets)), ","))
	case w.subnetsFrom != "":
		say("subnets", "", w.subnetsFrom)
	}
	sayMap("load-balancer-attributes", "", w.attributes, pairs(class.LoadBalancerAttributes))
	sayMap("tags", "", w.tags, nil)
	if class.MinimumLoadBalancerCapacity == nil {
		sayMap("minimum-load-balancer-capacity", "", w.capacity, nil)
	}
	for number, p := range w.ports {
		on := fmt.Sprintf("on port %d", number)
		say("listen-ports", on, string(p.protocol))
		if !p.ranges.empty() {
			say("inbound-cidrs", on, strings.Join(slices.Concat(p.ranges.v4, p.ranges.v6), ","))
		}
		if len(p.prefixLists) > 0 {
			say("security-group-prefix-lists", on, strings.Join(p.prefixLists, ","))
		}
		if p.sslPolicy != nil {
			say("ssl-policy", on, *p.sslPolicy)
		}
		if p.mutual != nil {
			text, _ := json.Marshal(p.mutual)
			say("mutual-authentication", on, string(text))
		}
		sayMap(listenerAttributes(p.protocol, number), "", p.attributes, s.listener[number].listenerAttributes(number, p.protocol))
	}
	return all
}

func listenerAttributes(protocol lb.Protocol, number int) string {
	return fmt.Sprintf("listener-attributes.%s-%d", protocol, number)
}
