package manifest

import "sigs.k8s.io/yaml"

// ParseInventory reads an Inventory from YAML or JSON; a field it does not know is an error.
func ParseInventory(data []byte) (*Inventory, error) {
	i := new(Inventory)
	if err := yaml.UnmarshalStrict(data, i); err != nil {
		return nil, err
	}
	return i, nil
}
