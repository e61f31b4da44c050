package proxy

// statusTexts are the reason phrases of the codes that the load balancer answers
// with itself (RFC 9110 section 15), and of those that ALB has of its own. A fixed
// response may have any other, which then goes without a phrase.
var statusTexts = map[int]string{
	200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
	301: "Moved Permanently", 302: "Found",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
	411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
	415: "Unsupported Media Type", 418: "I'm a teapot", 421: "Misdirected Request", 422: "Unprocessable Content", 425: "Too Early",
	426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
	451: "Unavailable For Legal Reasons",
	460: "Client Closed Request", 463: "Too Many X-Forwarded-For Addresses", 464: "Incompatible Protocol Versions",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Temporarily Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 561: "Identity Provider Error",
}

func statusText(status int) string { return statusTexts[status] }
