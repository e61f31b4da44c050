package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a shell's completion script. What completes a word is not in it: it asks
// the program itself (see completeWord), so that the script need not change with it.
func (c *completionCommand) Run(s *streams) error {
	_, err := io.WriteString(s.out, strings.ReplaceAll(completionScripts[c.Shell], "COMPLETE", completeWord))
	return err
}

// completeWord is the first argument by which a completion script asks: the words of the
// command line follow, without the program's name and up to the one that is being
// written. The answer is a line for each word that it may become, with a tab and a
// description behind it, and the line ":files" where files and folders may stand.
const completeWord = "__complete"

const allFiles = ":files"

var completionScripts = map[string]string{
	"bash": `# bash completion for albatross: source <(albatross completion bash)
_albatross() {
	local line current=${COMP_WORDS[COMP_CWORD]}
	[[ $current == = ]] && current=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files)
			compopt -o filenames 2>/dev/null
			while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
			;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]}" COMPLETE "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _albatross albatross
`,
	"zsh": `#compdef albatross
# zsh completion for albatross: source <(albatross completion zsh), or a file _albatross in $fpath
_albatross() {
	local -a found
	local line
	for line in "${(@f)$("$words[1]" COMPLETE "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		case $line in
		:files) _files ;;
		?*) found+=("${${line//:/\\:}/$'\t'/:}") ;;
		esac
	done
	(( $#found )) && _describe albatross found
}
if [[ $funcstack[1] == _albatross ]]; then
	_albatross "$@"
else
	compdef _albatross albatross
fi
`,
	"fish": `# fish completion for albatross: albatross completion fish | source
function __albatross_complete
	set -l words (commandline -opc)
	set -l program $words[1]
	set -e words[1]
	set -l current (commandline -ct)
	for line in ($program COMPLETE $words "$current" 2>/dev/null)
		if test "$line" = ":files"
			__fish_complete_path "$current"
		else
			echo $line
		end
	end
end
complete -c albatross -f -a "(__albatross_complete)"
`,
}

// complete answers a completion script.
func complete(w io.Writer, app *kong.Application, words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	l := commandLineSoFar{node: app.Node}
	for _, word := range words[:len(words)-1] {
		l.take(word)
	}
	for _, c := range l.candidates(words[len(words)-1]) {
		fmt.Fprintln(w, c)
	}
}

// commandLineSoFar is what the words before the one that is being written come to.
type commandLineSoFar struct {
	node   *kong.Node
	given  int        // positional arguments of node
	flag   *kong.Flag // whose value comes next
	noFlag bool       // behind --
}

func (l *commandLineSoFar) take(word string) {
	switch {
	case word == "=" && l.flag != nil: // bash cuts words there
	case l.flag != nil:
		l.flag = nil
	case word == "--":
		l.noFlag = true
	case strings.HasPrefix(word, "-") && len(word) > 1 && !l.noFlag:
		name, _, hasValue := strings.Cut(word, "=")
		if f := l.find(name); f != nil && !f.IsBool() && !hasValue {
			l.flag = f
		}
	default:
		if child := childOf(l.node, word); child != nil && !l.noFlag {
			l.node, l.given = child, 0
			return
		}
		l.given++
	}
}

func childOf(n *kong.Node, name string) *kong.Node {
	for _, child := range n.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flags are those of the command and of the program.
func (l *commandLineSoFar) flags() (all []*kong.Flag) {
	for n := l.node; n != nil; n = n.Parent {
		all = append(all, n.Flags...)
	}
	return slices.DeleteFunc(all, func(f *kong.Flag) bool { return f.Hidden })
}

func (l *commandLineSoFar) find(word string) *kong.Flag {
	for _, f := range l.flags() {
		if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

// candidates are the lines for what the last word may become.
func (l *commandLineSoFar) candidates(word string) []string {
	if l.flag != nil {
		if word == "=" {
			word = ""
		}
		return values(l.flag.Value, "", word)
	}
	if name, start, hasValue := strings.Cut(word, "="); hasValue && strings.HasPrefix(name, "--") && !l.noFlag {
		if f := l.find(name); f != nil {
			return values(f.Value, name+"=", start)
		}
		return nil
	}
	if strings.HasPrefix(word, "-") && !l.noFlag {
		return l.flagNames(word)
	}
	var all []string
	for _, child := range l.node.Children {
		if strings.HasPrefix(child.Name, word) && !child.Hidden && l.given == 0 {
			all = append(all, child.Name+"\t"+child.Help)
		}
	}
	if n := len(l.node.Positional); n > 0 {
		last := l.node.Positional[n-1]
		if l.given < n || last.IsCumulative() {
			all = append(all, values(l.node.Positional[min(l.given, n-1)], "", word)...)
		}
	}
	return all
}

func (l *commandLineSoFar) flagNames(word string) (all []string) {
	for _, f := range l.flags() {
		if name := "--" + f.Name; strings.HasPrefix(name, word) {
			all = append(all, name+"\t"+f.Help)
		}
	}
	slices.Sort(all)
	return all
}

// values are those that an argument takes: of its enum, those of its tag complete, files
// and folders where the tag says so or kong opens one.
func values(v *kong.Value, before, word string) []string {
	given := v.Tag.Get("complete")
	if given == "files" || v.Tag.Type == "existingfile" || v.Tag.Type == "path" {
		return []string{allFiles}
	}
	if given == "" {
		given = v.Enum
	}
	var all []string
	for value := range strings.SplitSeq(given, ",") {
		if value != "" && strings.HasPrefix(value, word) {
			all = append(all, before+value)
		}
	}
	return all
}
