// The functions of fmt 9 that the engine calls, compiled into it, so that whoever links the engine
// needs no fmt. Inline there, they are weak here and make way for those of a program that has fmt.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <tuple>

namespace ramp {

extern const std::tuple<std::string (*)(fmt::string_view, fmt::format_args), void (*)(const char*),
                        bool (*)(std::uint32_t), void (*)(const char*, int, const char*)>
    of_fmt{fmt::vformat, fmt::detail::throw_format_error, fmt::detail::is_printable,
           fmt::detail::assert_fail};

}  // namespace ramp
