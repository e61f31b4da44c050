package lb

import "strings"

// WithArticle gives "a Service", "an Ingress", "an HTTPRoute". A word that is a plural by
// itself, such as the kind Endpoints, has no article.
func WithArticle(word string) string {
	switch {
	case IsPlural(word):
		return word
	case soundsLikeVowel(word):
		return "an " + word
	}
	return "a " + word
}

// IsPlural tells whether a word is a plural by itself, as some kinds of objects are:
// Endpoints, IngressClassParams.
func IsPlural(word string) bool {
	return strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && !strings.HasSuffix(word, "us") && !initials(word)
}

// soundsLikeVowel tells whether a word is spoken with a vowel first. One that begins with
// two capitals is spelt letter by letter: an NLB, a URL.
func soundsLikeVowel(word string) bool {
	if word == "" {
		return false
	}
	if initials(word) {
		return strings.IndexByte("AEFHILMNORSX", word[0]) >= 0
	}
	lower := strings.ToLower(word)
	for _, start := range []string{"uni", "use", "usa", "eu", "one"} {
		if strings.HasPrefix(lower, start) {
			return false
		}
	}
	return strings.IndexByte("aeiou", lower[0]) >= 0
}

func initials(word string) bool {
	capital := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	return len(word) > 1 && capital(word[0]) && capital(word[1])
}
