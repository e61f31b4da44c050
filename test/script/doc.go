// Package script shows what Albatross does, one feature in one readable file: the scripts
// under testdata start real targets and the real binary on real sockets of loopback, send
// requests and look at what comes back.
//
// A script is a txtar archive, as the go command's own tests are: commands first, then
// the files it needs, manifests above all. Its language is that of
// github.com/rogpeppe/go-internal/testscript (exec, cmp, grep, stdout, stderr, cp,
// rm, ...) with the commands below; a failing script prints what it did so far.
// There are no pauses: what takes time is awaited, with a deadline. The binary is
// built once, with the race detector where the test itself has it, so that `go test
// -race` looks for races in the running load balancer too.
//
// Where a command takes a URL, a path alone stands for the HTTP listener, https:/path
// for the HTTPS listener, alt:/path for port 81, admin:/path for the admin API and name:/path for the
// target of that name.
//
//	target [-tls] NAME...  start targets; $NAME is then the port. A target answers 200 and
//	                       tells its name and the request as it came in.
//	tell NAME WHAT         healthy | unhealthy: how it answers health checks; up | down:
//	                       whether it listens; ok | hold | slow DURATION | reset | hang-up | status
//	                       CODE | tunnel: how it answers everything else; release: answer
//	                       what it has held so far
//	service NAME TARGET... write manifests/service-NAME.yaml: a Service (port 80, name
//	                       http) with one EndpointSlice for each target
//	albatross [FLAG...]    serve the folder manifests on $HTTP, $HTTPS and $ALT (ports 80, 443
//	                       and 81), with the admin API on $ADMIN; wait until it is ready.
//	                       Its output goes to the files albatross.out and albatross.err.
//	end                    end it by SIGTERM; it must exit with 0 (stop is the language's own: it ends the script)
//	signal HUP             send it SIGHUP
//	request [FLAG...] URL  send one request; status line, headers and body go to stdout.
//	                       -X METHOD -H 'NAME: VALUE' -d BODY -cacert FILE (default: the
//	                       local authority's) -k (any certificate)
//	                       -cert FILE: show this certificate, whose key is in there too
//	                       -long-path N, -long-header N: with N bytes more
//	                       -later NAME: do not wait; arrived NAME does and has the answer
//	arrived NAME           the answer to a request sent with -later
//	busy TARGET...         wait until one of them is answering a request
//	states STATE=COUNT...  wait until the targets are in these states (in alphabetical order)
//	eventually REGEXP REQUEST-FLAG... URL
//	                       repeat a request until its output matches
//	spread N REQUEST-FLAG... URL
//	                       send a request N times; "CODE TARGET: COUNT" lines go to stdout;
//	                       -sticky brings the cookies of one answer with the next request
//	load CLIENTS REQUEST-FLAG... URL
//	                       clients that ask again and again on kept-alive connections,
//	                       until unload, which prints "CODE: COUNT" lines
//	unload                 end load and print what its clients got
//	raw FILE|TEXT          send these bytes to the HTTP listener (\r, \n and \t are
//	                       understood in TEXT; lines of a FILE end in CRLF); all
//	                       that comes back until it closes goes to stdout
//	put FILE TO            write TO whole, at once, from FILE, with $NAME and the like replaced
//	selfsigned HOST NAME   make a certificate: NAME.pem and NAME-key.pem, and $NAME_crt and
//	                       $NAME_key in base64, for Secrets
//	clientcert NAME TRUSTSTORE
//	                       make an authority of clients, which becomes the trust store, and
//	                       NAME.pem: a certificate by it for a client of that name, with its key
//	edit FILE OLD NEW      replace text in a file, at once
//	await REGEXP FILE      wait until a file has a matching line
//	logs                   print every log in the state folder to stdout
//	datagram-target NAME...
//	                       start targets for UDP; $NAME is then the port. A target
//	                       answers a datagram with its name and what it said.
//	datagram VARIABLE TEXT send one to the port in a variable; the answer goes to stdout
//	agrees                 run check with the flags of the albatross: both say the same
//	exits CODE COMMAND...  run a command that must exit with that code
package script
