// Package model holds the demand models of the Retail Prediction API: what they are asked, what they answer, and the
// arithmetic between the two.
//
// There are two kinds. [Boosted] is the one that serves: two hundred small decision trees, each correcting the sum of those before
// it, over features that say what is asked (price, promotion, season) and what was known when training ended (the trailing
// sales levels of the product in the store, its usual price, its elasticity). [Linear] is the one it has to beat: a
// log-linear regression that can be read with the naked eye. Both can be loaded from files ([Load]), which carry their
// papers along: who trained them on what, and how far off they were on weeks they had not seen.
//
// The trees are trained elsewhere (cmd/retail-train, with XGBoost), but the features are computed here alone, for training
// and for serving alike ([State.Vector]); so the two cannot drift apart. The trees are evaluated here too, in a few
// microseconds and without an allocation ([Forest]), to the last bit as the trainer evaluates them.
//
// All models answer whatever they are asked. A store, a product or a price that training has not met is answered from
// what is known of the others, and said in the answer ([Prediction]).
package model

// Features is what one prediction is asked for.
type Features struct {
	StoreID   int64
	ProductID int64
	// Date is any day; the prediction is for the week that holds it. Only its season counts, so any year is in range.
	Date Date
	// Price is the price of one package in US dollars, above zero.
	Price float64
	// Promotion says whether the product was featured (advertised) in that week.
	Promotion bool
}

// Prediction is the model's answer to [Features], with what was unusual about the question.
type Prediction struct {
	// Units is the number of packages sold in the week, never negative and always finite. It speaks of the typical week:
	// half of all weeks should sell more.
	Units float64
	// Low and High hold eight of ten weeks between them, the 10% and the 90% quantile; both are 0 where the model
	// cannot say.
	Low, High float64
	// UnknownStore and UnknownProduct say that the id was not in the training data and an average was used.
	UnknownStore, UnknownProduct bool
	// PriceHeld says that the price lay so far outside the training range that the nearest price the model can
	// speak of was used in its place.
	PriceHeld bool
}

// Predictor is a model: any number of goroutines may ask one.
type Predictor interface {
	// Predict answers one question. It never fails.
	Predict(Features) Prediction
	// Unmet says what is unusual about a question, as Predict does, and predicts nothing.
	Unmet(Features) Prediction
}

// hold returns the price that the model is asked for in place of price, given the range seen in training.
func hold(price, low, high float64) float64 {
	return min(max(price, low/priceMargin), high*priceMargin)
}

// priceMargin is how far beyond the prices seen in training a model is asked, as a factor either way. Beyond it the price is
// held: an elasticity carried to ten times the price would answer "nothing is ever sold", which nobody has observed.
const priceMargin = 1.25
