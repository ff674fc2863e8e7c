// policy/endings.cc - a walk over the blocks of a file; whatever is no word of structure is passed over.
#include "policy/endings.h"

#include "policy/tokens.h"

#include <algorithm>

namespace weir::policy {
namespace {

/// How a block ends: `reached` its end is, `left` a loop around it is by break.
struct Ending {
    bool reached = true, left = false;
};

class Walk {
  public:
    explicit Walk(std::string_view text) : tokens_(tokens_of(text)) {}

    std::vector<Function> functions() {
        while (!done()) { // What closes nothing is passed over: LuaJIT has refused such a file.
            block();
            ++at_;
        }
        return std::move(functions_);
    }

  private:
    bool done() const { return at_ >= tokens_.size(); }
    std::string_view word() const { return done() ? std::string_view() : tokens_[at_].text; }
    /// Moves behind the next `wanted`; functions on the way there are walked through.
    void pass(std::string_view wanted) {
        while (!done() && word() != wanted) {
            if (word() == "function") function();
            else ++at_;
        }
        ++at_;
    }
    /// Whether a call begins here and not an operand: nothing in front of it asks for one.
    bool begins_statement() const {
        if (at_ == 0) return true;
        constexpr std::string_view asking[] = {"+", "-", "*", "/", "%", "^", "#",   "=",  "~",   "<",  ">",
                                               ".", ":", ",", "(", "[", "{", "and", "or", "not", "in", "return"};
        return std::ranges::find(asking, tokens_[at_ - 1].text) == std::end(asking);
    }

    /// A function, from its `function` to behind its `end`.
    void function() {
        const uint32_t line = tokens_[at_++].line;
        pass(")");
        const bool jumps_around = jumps_;
        jumps_ = false;
        const Ending ending = block();
        functions_.push_back({line, done() ? line : tokens_[at_].line, ending.reached && !jumps_});
        jumps_ = jumps_around;
        ++at_;
    }

    /// An if, from its `if` to behind its `end`.
    Ending branches() {
        Ending all{.reached = false, .left = false};
        bool otherwise = false;
        while (!done() && word() != "end") {
            otherwise = word() == "else";
            if (otherwise) ++at_;
            else pass("then");
            const Ending one = block();
            all.reached = all.reached || one.reached;
            all.left = all.left || one.left;
        }
        ++at_;
        all.reached = all.reached || !otherwise;
        return all;
    }

    /// while, for, repeat, do: from the word to behind the block.
    Ending loop() {
        const std::string_view kind = word();
        const bool endless = kind == "while" && at_ + 2 < tokens_.size() && tokens_[at_ + 1].text == "true" &&
                             tokens_[at_ + 2].text == "do";
        if (kind == "repeat") ++at_;
        else pass("do");
        const Ending inside = block();
        ++at_;
        if (kind == "do") return inside;
        if (kind == "repeat") return {inside.reached || inside.left, false};
        return {!endless || inside.left, false};
    }

    /// A block, up to the word that closes it.
    Ending block() {
        Ending ending;
        const auto then = [&](Ending part) {
            ending.left = ending.left || (ending.reached && part.left);
            ending.reached = ending.reached && part.reached;
        };
        while (!done()) {
            const std::string_view here = word();
            if (here == "end" || here == "else" || here == "elseif" || here == "until") break;
            if (here == "function") {
                function();
            } else if (here == "if") {
                then(branches());
            } else if (here == "while" || here == "for" || here == "repeat" || here == "do") {
                then(loop());
            } else {
                if (here == "goto") jumps_ = true;
                if (here == "break") then({false, true});
                if (here == "return" || (here == "error" && begins_statement())) then({false, false});
                ++at_;
            }
        }
        return ending;
    }

    std::vector<Token> tokens_;
    std::vector<Function> functions_;
    size_t at_ = 0;
    bool jumps_ = false; // the function has a goto: then nothing is said of it
};

} // namespace

std::vector<Function> functions_of(std::string_view text) { return Walk(text).functions(); }

} // namespace weir::policy
