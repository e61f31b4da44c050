package train

import (
	"bufio"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/albatross-lb/albatross/retail/model"
)

//go:embed boost.py
var boostScript string

// Booster trains trees in another process, which has XGBoost.
type Booster struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	folder  string
}

// StartBooster starts the process; python is the interpreter, one that has xgboost and numpy. Close ends it.
func StartBooster(python string) (*Booster, error) {
	folder, err := os.MkdirTemp("", "retail-train")
	if err != nil {
		return nil, err
	}
	b := &Booster{command: exec.Command(python, "-c", boostScript), folder: folder}
	b.command.Stderr = os.Stderr
	if b.in, err = b.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := b.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.out = bufio.NewReader(out)
	if err := b.command.Start(); err != nil {
		os.RemoveAll(folder)
		return nil, fmt.Errorf("starting the trainer: %w (it needs Python with XGBoost; Debian: apt-get install python3-xgboost)", err)
	}
	return b, nil
}

// Close ends the process.
func (b *Booster) Close() error {
	b.in.Close()
	return errors.Join(b.command.Wait(), os.RemoveAll(b.folder))
}

// matrix is vectors with what is to be learned of them.
type matrix struct {
	vectors, labels, weights []float32
}

func (m *matrix) add(v *[model.MaxInputs]float32, label, weight float64) {
	m.vectors = append(m.vectors, v[:len(model.Inputs)]...)
	m.labels, m.weights = append(m.labels, float32(label)), append(m.weights, float32(weight))
}

// grown are trees and what they were said to add up to for test vectors.
type grown struct {
	trees     []model.Tree
	base      float32
	forecasts []float32
}

// train grows trees.
func (b *Booster) train(m *matrix, test []float32, seed int, how Growth) (*grown, error) {
	monotone := make([]int, len(model.Inputs))
	for i, in := range model.Inputs {
		monotone[i] = in.Monotone
	}
	job, err := json.Marshal(map[string]any{"seed": seed, "monotone": monotone, "growth": how})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(b.folder, "job.json"), job, 0o600); err != nil {
		return nil, err
	}
	for name, numbers := range map[string][]float32{"train": m.vectors, "labels": m.labels, "weights": m.weights, "test": test} {
		if err := b.write(name, numbers); err != nil {
			return nil, err
		}
	}
	if _, err := fmt.Fprintln(b.in, b.folder); err != nil {
		return nil, fmt.Errorf("asking the trainer: %w", err)
	}
	if line, err := b.out.ReadString('\n'); err != nil || line != "ok\n" {
		return nil, fmt.Errorf("training trees: the trainer ended (it needs Python with XGBoost; Debian: apt-get install python3-xgboost): %q, %w", line, err)
	}
	text, err := os.ReadFile(filepath.Join(b.folder, "model.json"))
	if err != nil {
		return nil, err
	}
	g, err := readTrees(text)
	if err != nil {
		return nil, fmt.Errorf("reading the trees: %w", err)
	}
	g.forecasts, err = b.read("forecasts", len(test)/len(model.Inputs))
	return g, err
}

func (b *Booster) write(name string, numbers []float32) error {
	file, err := os.Create(filepath.Join(b.folder, name))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<16)
	var four [4]byte
	for _, x := range numbers {
		binary.LittleEndian.PutUint32(four[:], math.Float32bits(x))
		out.Write(four[:])
	}
	return errors.Join(out.Flush(), file.Close())
}

func (b *Booster) read(name string, n int) ([]float32, error) {
	data, err := os.ReadFile(filepath.Join(b.folder, name))
	if err != nil {
		return nil, err
	}
	if len(data) != 4*n {
		return nil, fmt.Errorf("reading %s of the trainer: %d bytes, want %d", name, len(data), 4*n)
	}
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return numbers, nil
}

// xgboostTree is one tree as XGBoost 1.7 saves it: lists by node, the root first. A node without a left child is a
// leaf, its value standing where others have their condition.
type xgboostTree struct {
	Left      []int     `json:"left_children"`
	Right     []int     `json:"right_children"`
	Features  []int     `json:"split_indices"`
	Condition []float32 `json:"split_conditions"`
	LeftFirst []int     `json:"default_left"`
}

// readTrees reads the file XGBoost saves.
func readTrees(text []byte) (*grown, error) {
	var file struct {
		Learner struct {
			Parameters struct {
				Base string `json:"base_score"`
			} `json:"learner_model_param"`
			Booster struct {
				Model struct {
					Trees []xgboostTree `json:"trees"`
				} `json:"model"`
			} `json:"gradient_booster"`
		} `json:"learner"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	base, err := strconv.ParseFloat(file.Learner.Parameters.Base, 32)
	if err != nil {
		return nil, fmt.Errorf("base_score: %w", err)
	}
	g := &grown{base: float32(base)}
	for i, t := range file.Learner.Booster.Model.Trees {
		var tree model.Tree
		if err := t.lay(&tree, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		g.trees = append(g.trees, tree)
	}
	return g, nil
}

// lay copies what hangs below a node to a place of the complete tree. Below a leaf that comes early every path ends in the
// same value.
func (t *xgboostTree) lay(to *model.Tree, node, place, depth int) error {
	leaf := t.Left[node] == -1
	if depth == model.Depth {
		if !leaf {
			return fmt.Errorf("it is deeper than %d", model.Depth)
		}
		to.Leaves[place-len(to.Splits)] = t.Condition[node]
		return nil
	}
	left, right := node, node
	if !leaf {
		to.Splits[place] = model.Split{
			Feature: uint8(t.Features[node]), MissingRight: t.LeftFirst[node] == 0, Threshold: t.Condition[node],
		}
		left, right = t.Left[node], t.Right[node]
	}
	if err := t.lay(to, left, 2*place+1, depth+1); err != nil {
		return err
	}
	return t.lay(to, right, 2*place+2, depth+1)
}
