// gateway/packing.h - a call that waits for people gives its workspace back and keeps the texts that it still needs.
//
// A workspace is made of blocks of 4 KiB, most of which a request has used up before it waits: the lists that policies were
// asked with, its head in parts. What it needs when it goes on, or when it is answered, is some hundred octets. These are
// copied together into memory of their size, and the views in Exchange and Hold are told where they lie now. The call itself
// is not among them: it is in its ticket.
//
// Not a list of what an exchange keeps by hand: it is every view that points into the workspace, in the one list of
// packing.cc. A view that is added to Exchange or Hold and lives across a hold goes there. Under ASan memory that was given back
// is poisoned until it is lent again: a test that reads a forgotten view before that ends there, a later one reads octets of
// somebody else and must notice by what they say. So such a view needs a test of its own that reads it behind a hold.
//
// Owns nothing: the octets are the exchange's (`kept`) until it ends or packs again.
#pragma once

#include "gateway/exchange.h"

namespace weir::gateway {

/// Gives the workspace back if anything lies in it. What the exchange reads only within one advance() is empty
/// afterwards: document, message, the request that was to go upstream. Only while it is held (asserted).
void pack(Exchange& exchange);

} // namespace weir::gateway
