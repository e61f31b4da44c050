# Writes Dominick's orange juice data (R package bayesm, Debian package r-cran-bayesm) as CSV:
#   Rscript export.R FILE
arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 1) stop("usage: Rscript export.R FILE")
if (!requireNamespace("bayesm", quietly = TRUE)) stop("the R package bayesm is missing: apt install r-cran-bayesm")
data("orangeJuice", package = "bayesm")
columns <- c("store", "brand", "week", "logmove", paste0("price", 1:11), "feat")
write.csv(orangeJuice$yx[, columns], arguments[1], row.names = FALSE, quote = FALSE)
