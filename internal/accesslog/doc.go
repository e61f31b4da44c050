// Package accesslog writes the logs of load balancers: what was asked of one and how it was
// answered, one line a request, and, each where its attribute asks for it, one line for each
// connection of a client and one for each health check of a target. The lines have the
// formats of ALB's logs and the files are laid out as ALB lays them out in S3, so
// that whatever reads those reads these.
//
// A Store has a Log for each kind of each load balancer. The request path formats a line
// (Record.AppendTo) straight into a 64 KiB chunk of its shard, under a lock that only
// connections of the same shard share, and is done. A full chunk goes to the store's one
// goroutine that writes; so does, once a second, every chunk that holds anything. The
// goroutine compresses a chunk, appends it to the log's current file and gives the chunk
// back. Chunks are bounded in number: when the disk cannot keep up, lines are dropped
// and counted and no request waits.
//
// A file is written under a hidden name ending in .part, in the folder where it
// will stay, and gets its own name when its five minutes are over. Every chunk
// becomes a gzip member of its own. A gzip file may have many (RFC 1952, section
// 2.2), and this buys three things: one compressor serves any number of load
// balancers (each needs a table of what it has seen); a .part can be
// read at any time and is whole up to its last second; and a file that a crash
// has torn is mended by cutting off its last member.
//
// Another goroutine looks through the folder once a minute and deletes whole files, the
// oldest first, that are older than Options.MaxAge or more than Options.MaxSize. How old one is
// stands in its name, so that neither a copy nor a backup makes it young, and a file of
// another name is nobody's to delete.
//
// As in AWS delivery is best effort: files are not synced to the disk before they
// are renamed, and lines lost for any reason are counted, not made up for.
package accesslog
