package certs

import (
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"unicode/utf16"
)

// attribute is one part of a distinguished name, its value as it stands in the
// certificate (RFC 5280, section 4.1.2.4).
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// attributeNames are those that OpenSSL has for the types in use, which the load
// balancers of AWS write too. The first nine are RFC 2253's.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.6": "C",
	"2.5.4.9": "street", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
	"1.2.840.113549.1.9.1": "emailAddress", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.12": "title",
	"2.5.4.13": "description", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode", "2.5.4.41": "name",
	"2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier",
	"2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier", "1.2.840.113549.1.9.2": "unstructuredName",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

// distinguishedName is a name in DER as a string of RFC 2253: the last part first,
// "CN=client,O=shop,C=US". As OpenSSL's, it escapes control characters and all that is
// not ASCII as \XX, octet by octet of UTF-8: nothing in a name can break a header or a
// log line. "" for what is not a name.
func distinguishedName(der []byte) string {
	var parts []asn1.RawValue // SETs
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return ""
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		var set []attribute
		if _, err := asn1.UnmarshalWithParams(parts[i].FullBytes, &set, "set"); err != nil {
			return ""
		}
		for j := len(set) - 1; j >= 0; j-- {
			switch {
			case j < len(set)-1:
				b.WriteByte('+')
			case b.Len() > 0:
				b.WriteByte(',')
			}
			set[j].write(&b)
		}
	}
	return b.String()
}

func (a attribute) write(b *strings.Builder) {
	oid := a.Type.String()
	name, known := attributeNames[oid]
	text, ok := a.text()
	if !known {
		name, ok = oid, false // RFC 2253, section 2.4: the value in hexadecimal
	}
	b.WriteString(name)
	b.WriteByte('=')
	if !ok {
		b.WriteByte('#')
		b.WriteString(strings.ToUpper(hex.EncodeToString(a.Value.FullBytes)))
		return
	}
	escapeValue(b, text)
}

// text is the value in UTF-8, if it is of a type of string.
func (a attribute) text() (string, bool) {
	if a.Value.Class != asn1.ClassUniversal || a.Value.IsCompound {
		return "", false
	}
	octets := a.Value.Bytes
	switch a.Value.Tag {
	case asn1.TagUTF8String:
		return string(octets), true
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString, asn1.TagT61String, asn1.TagGeneralString:
		runes := make([]rune, len(octets)) // ISO 8859-1
		for i, octet := range octets {
			runes[i] = rune(octet)
		}
		return string(runes), true
	case asn1.TagBMPString:
		units := make([]uint16, len(octets)/2)
		for i := range units {
			units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
		}
		return string(utf16.Decode(units)), len(octets)%2 == 0
	}
	return "", false
}

// escapeValue writes a value as RFC 2253, section 2.4, has it.
func escapeValue(b *strings.Builder, text string) {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		c := text[i]
		first, last := i == 0, i == len(text)-1
		switch {
		case c < ' ' || c > '~':
			b.Write([]byte{'\\', digits[c>>4], digits[c&15]})
			continue
		case strings.IndexByte(`,+"\<>;`, c) >= 0, c == ' ' && (first || last), c == '#' && first:
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
}
