// The name of the error that a refused script stops at: see name.rs.
//
// Compiled against the headers that libbitcoinkernel's crate ships, and linked with the library built from them.

#include <primitives/transaction.h>
#include <script/interpreter.h>
#include <script/script_error.h>
#include <streams.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

using Words = std::array<std::string, SCRIPT_ERR_ERROR_COUNT>;

// Kept for the life of the program, so that callers may keep a pointer.
const Words& AllWords()
{
    static const Words words = [] {
        Words all;
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = ScriptErrorString(static_cast<ScriptError>(i));
        return all;
    }();
    return words;
}

// The interpreter aborts on flags that need others and lack them.
bool MakeSense(script_verify_flags flags)
{
    const auto has = [&](script_verify_flags flag) { return bool{flags & flag}; };
    if (has(SCRIPT_VERIFY_WITNESS) && !has(SCRIPT_VERIFY_P2SH)) return false;
    if (has(SCRIPT_VERIFY_CLEANSTACK) && !has(SCRIPT_VERIFY_WITNESS)) return false;
    return true;
}

SpanReader Reader(const std::uint8_t* data, std::size_t size)
{
    return SpanReader{std::as_bytes(std::span{data, size})};
}

} // namespace

// Returns null if there is no error to be named.
extern "C" const char* tipward_script_error(const std::uint8_t* tx_data, std::size_t tx_size,
                                            const std::uint8_t* spent_data, std::size_t spent_size,
                                            std::size_t input, std::uint64_t flag_bits) noexcept
try {
    const auto flags{script_verify_flags::from_int(flag_bits)};
    if (!MakeSense(flags)) return nullptr;

    auto tx_reader{Reader(tx_data, tx_size)};
    const CTransaction tx{deserialize, TX_WITH_WITNESS, tx_reader};
    std::vector<CTxOut> spent;
    auto spent_reader{Reader(spent_data, spent_size)};
    spent_reader >> spent;
    if (spent.size() != tx.vin.size() || input >= tx.vin.size()) return nullptr;

    const CTxOut output{spent[input]};
    PrecomputedTransactionData shared;
    shared.Init(tx, std::move(spent));
    const TransactionSignatureChecker checker{&tx, static_cast<unsigned int>(input), output.nValue, shared,
                                              MissingDataBehavior::FAIL};
    ScriptError error{SCRIPT_ERR_OK};
    const CTxIn& in{tx.vin[input]};
    if (VerifyScript(in.scriptSig, output.scriptPubKey, &in.scriptWitness, flags, checker, &error)) return nullptr;
    return AllWords()[error].c_str();
} catch (...) {
    return nullptr;
}
