package wire

// extraPlaces are load balancers beside those of the cases.
var extraPlaces = map[string]settings{}
