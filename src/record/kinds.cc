// record/kinds.cc - the names of kinds and fields, from the tables. Pure.
#include "record/kinds.h"

namespace weir::record {

std::string_view name_of(Kind kind) {
    switch (kind) {
#define WEIR_ROW(number, name, text) \
    case Kind::name: return #name;
        WEIR_KINDS(WEIR_ROW)
#undef WEIR_ROW
    }
    return "unknown";
}

std::string_view text_of(Kind kind) {
    switch (kind) {
#define WEIR_ROW(number, name, text) \
    case Kind::name: return text;
        WEIR_KINDS(WEIR_ROW)
#undef WEIR_ROW
    }
    return {};
}

std::string_view name_of(Field field) {
    switch (field) {
#define WEIR_ROW(key, name, type) \
    case Field::name: return #name;
        WEIR_FIELDS(WEIR_ROW)
#undef WEIR_ROW
    }
    return {};
}

FieldType type_of(Field field) {
    switch (field) {
#define WEIR_ROW(key, name, type) \
    case Field::name: return FieldType::type;
        WEIR_FIELDS(WEIR_ROW)
#undef WEIR_ROW
    }
    return FieldType::number;
}

} // namespace weir::record
