// cli/output.h - how every command prints: data to standard output, talk to standard error.
//
// On a terminal a table has a heading, aligned columns and colour by meaning (never colour alone); in a pipe it is
// tab-separated full values without a heading. NO_COLOR (no-color.org) and --no-color take the colour away. Text that
// comes from elsewhere is printed with its control characters escaped, so that it cannot steer a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

enum class Tone : uint8_t { plain, good, warn, bad, faint };

/// Whether standard output (or error) is a terminal, and whether it takes colour.
struct Surface {
    bool terminal = false;
    bool colour = false;
};
const Surface& out_surface();
const Surface& err_surface();
/// For --no-color.
void forbid_colour();

/// `text` with what could deceive written as \u{...}: control characters (but for line ends if `lines`), what
/// turns the direction of text, what is not seen; octets that are not UTF-8 as \x...
std::string printable(std::string_view text, bool lines = false);
/// `text` in the colour of `tone` if `surface` takes colour.
std::string toned(const Surface& surface, Tone tone, std::string_view text);

void print(std::string_view text); // to standard output, as it is; never partly in silence, see output_problem()
/// Why standard output could not be written since the program began; empty when all of it was.
std::string output_problem();
void say(std::string_view text); // to standard error, with a line end
/// "weir: text" to standard error, in red where there is colour.
void complain(std::string_view text);

class Table {
  public:
    struct Cell {
        std::string text;
        Tone tone = Tone::plain;
    };
    explicit Table(std::vector<std::string> heading) : heading_(std::move(heading)) {}
    void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }
    /// The whole table as `surface` wants it.
    std::string text(const Surface& surface) const;

  private:
    std::vector<std::string> heading_;
    std::vector<std::vector<Cell>> rows_;
};

} // namespace weir::cli
