// SPDX-License-Identifier: Apache-2.0
// Host code that would do more than be called: each kind is refused before anything of it is mapped.
#include "Devices.h"

#include "tw/isa/Package.h"
#include "tw/support/HostCode.h"
#include "tw/support/Packages.h"

#include <gmock/gmock.h>

#include <elf.h>

#include <cstring>
#include <functional>

using namespace tw;
using namespace tw::conformance;
using test::addOneSource;
using test::compileHostCode;
using test::kHostArguments;
using testing::HasSubstr;

namespace {

using Bytes = std::vector<uint8_t>;

/// Two entries: "host" adds one to 16 bytes by host code, "copy" does not call any.
isa::Package packageWith(const isa::HwConfig &config, Bytes hostCode) {
  isa::Package package;
  package.config = config;
  package.program.lines = {isa::Line(isa::Opcode::End)};
  package.tensors = {{"in", TW_PKG_I8, {16}}, {"out", TW_PKG_I8, {16}}};
  package.buffers = {{TW_PKG_INPUT, TW_PKG_NONE, 0, 16, 0, "in"}, {TW_PKG_OUTPUT, TW_PKG_NONE, 0, 16, 1, "out"}};
  package.steps = {isa::runHostCode({{"addOne"}}, {1, 0}), isa::copyBytes(1, 0, 16)};
  package.entries = {{"host", 0, 1, {0}, {1}}, {"copy", 1, 1, {0}, {1}}};
  test::setHostCode(package, std::move(hostCode));
  return package;
}

/// Mappings of this process that can be executed and belong to no file.
size_t executableMappings() {
  std::ifstream maps("/proc/self/maps");
  size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find(" r-xp ") != std::string::npos && line.find('/') == std::string::npos &&
             line.find('[') == std::string::npos;
  return count;
}

class HostCodeTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_EQ(device.open({"functional", tw_transport_open_functional, true, false}), ""); }
  void TearDown() override {
    tw_instance_destroy(instance);
    tw_program_close(program);
  }

  tw_status load(const Bytes &hostCode, uint32_t flags = TW_OPEN_ALLOW_HOST_CODE) {
    return load(packageWith(device.config, hostCode), flags);
  }

  tw_status load(const isa::Package &package, uint32_t flags = TW_OPEN_ALLOW_HOST_CODE) {
    tw_program_close(std::exchange(program, nullptr));
    const Result<Bytes> bytes = isa::serializePackage(package);
    EXPECT_TRUE(bytes) << bytes.diag().str();
    return tw_program_load(device.device, bytes->data(), bytes->size(), flags, &program, &device.error);
  }

  /// The text of the refusal.
  std::string refusal(const Bytes &hostCode) {
    const size_t before = executableMappings();
    EXPECT_EQ(load(hostCode), TW_ERROR_HOST_CODE) << device.error.text;
    EXPECT_EQ(program, nullptr);
    EXPECT_EQ(executableMappings(), before);
    return device.error.text;
  }

  tw_status run(const char *entry) {
    const void *inputs[] = {in.data()};
    void *outputs[] = {out.data()};
    return tw_instance_run(instance, tw_program_entry(program, entry), inputs, outputs, nullptr, &device.error);
  }

  Device device;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  std::array<int8_t, 16> in{41}, out{};
};

TEST_F(HostCodeTest, IsRefusedUnlessTheCallerAllowsIt) {
  EXPECT_EQ(load(compileHostCode(addOneSource()), 0), TW_ERROR_HOST_CODE);
  EXPECT_THAT(device.error.text, HasSubstr("open it with TW_OPEN_ALLOW_HOST_CODE if you trust where it comes from"));
  EXPECT_EQ(load(compileHostCode(addOneSource()), 2), TW_ERROR_ARGUMENT);
  EXPECT_THAT(device.error.text, HasSubstr("flags 0x2"));
}

TEST_F(HostCodeTest, IsMappedByTheFirstStepThatCallsIt) {
  const size_t before = executableMappings();
  ASSERT_EQ(load(compileHostCode(addOneSource())), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  ASSERT_EQ(run("copy"), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 41);
  EXPECT_EQ(executableMappings(), before);
  ASSERT_EQ(run("host"), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 42);
  EXPECT_EQ(executableMappings(), before + 1);
  tw_instance_destroy(std::exchange(instance, nullptr));
  tw_program_close(std::exchange(program, nullptr));
  EXPECT_EQ(executableMappings(), before);
}

TEST_F(HostCodeTest, PointersInItsDataAreRightWhereverItLies) {
  const std::string source = addOneSource() + "static char one = 1;\nstatic char *where = &one;\n" + "int again" +
                             kHostArguments + " { ((char *)b[0])[0] = ((char *)b[1])[0] + *where; return 0; }\n";
  isa::Package package = packageWith(device.config, compileHostCode(source));
  package.steps[1] = isa::runHostCode({{"again"}}, {1, 0});
  ASSERT_EQ(load(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  ASSERT_EQ(run("copy"), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 42);
}

TEST_F(HostCodeTest, APhaseFindsWhatTheOneBeforeLeft) {
  // The first writes the shared scratch and wipes its private one, the second reads the shared one.
  const std::string source = "int first" + kHostArguments +
                             " {\n  for (long i = lo; i < hi; ++i)\n    ((char *)b[2])[i] = ((char *)b[1])[i] + 1;\n"
                             "  for (long i = 0; i < 100; ++i)\n    ((char *)scratch)[i] = 0;\n  return 0;\n}\n"
                             "int second" +
                             kHostArguments +
                             " {\n  for (long i = lo; i < hi; ++i)\n    ((char *)b[0])[i] = 2 * ((char *)b[2])[i];\n"
                             "  return ((long)scratch | (long)b[2]) % 64;\n}\n";
  isa::Package package = packageWith(device.config, compileHostCode(source));
  package.steps[0].phases = {{"first", 16}, {"second", 16, 4}};
  package.steps[0].sharedBytes = 16;
  package.steps[0].privateBytes = 100;
  ASSERT_EQ(load(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  ASSERT_EQ(run("host"), TW_OK) << device.error.text;
  EXPECT_EQ(out[0], 84);
  EXPECT_EQ(out[15], 2);
}

TEST_F(HostCodeTest, AFailureNamesItsFunction) {
  const std::string source =
      "int good" + kHostArguments + " { return 0; }\nint bad" + kHostArguments + " { return (int)hi; }\n";
  isa::Package package = packageWith(device.config, compileHostCode(source));
  package.steps[0].phases = {{"good"}, {"bad", 7}, {"good"}};
  ASSERT_EQ(load(package), TW_OK) << device.error.text;
  ASSERT_EQ(tw_instance_create(program, &instance, &device.error), TW_OK) << device.error.text;
  EXPECT_EQ(run("host"), TW_ERROR_HOST_CODE);
  EXPECT_STREQ(device.error.text, "step 0: host function 'bad' returned 7 in range 1 of 1");
}

struct Attack {
  const char *name;
  std::string added, flags; // to the good source and its command line
  const char *refusal;
};

/// Code that would show that it ran.
#define TW_RUN "void run(void) { static volatile int ran; ran = 1; }"
/// Chooses a function that nobody else sees.
#define TW_CHOOSE "static int chosen() { return 1; }\nstatic void *choose(void) { return chosen; }\n"

const Attack kAttacks[] = {
    {"Constructor", "__attribute__((constructor)) static " TW_RUN, "", "it has a constructor"},
    {"InitFunction", "__attribute__((visibility(\"hidden\"))) " TW_RUN, "-Wl,-init,run", "it has a constructor"},
    {"Destructor", "__attribute__((destructor)) static " TW_RUN, "", "it has a destructor"},
    {"FiniFunction", "__attribute__((visibility(\"hidden\"))) " TW_RUN, "-Wl,-fini,run", "it has a destructor"},
    {"ExportedIfunc", TW_CHOOSE "int other() __attribute__((ifunc(\"choose\")));", "",
     "'other' is chosen by code at load time (IFUNC)"},
    {"HiddenIfunc",
     TW_CHOOSE "__attribute__((visibility(\"hidden\"))) int other() __attribute__((ifunc(\"choose\")));\n"
               "__attribute__((used)) static void *where = other;",
     "", "a relocation calls a function (IFUNC)"},
    {"CalledIfunc",
     TW_CHOOSE "__attribute__((visibility(\"hidden\"))) int other() __attribute__((ifunc(\"choose\")));\n"
               "__attribute__((used)) static int again() { return other() + 1; }",
     "", "it calls functions through a table of the loader"},
    {"NeededLibrary", "", "-Wl,--no-as-needed -lm", "it needs another library (DT_NEEDED)"},
    {"UndefinedFunction",
     "int system(const char *);\n__attribute__((used)) static int other() { return system(\"\"); }", "",
     "it calls functions through a table of the loader"},
    {"UndefinedPointer", "extern int environ;\n__attribute__((used)) static int *other() { return &environ; }", "",
     "relocation of kind 6"},
    {"TextRelocation", "__asm__(\".text\\n.quad run\\n\");\n__attribute__((used)) static " TW_RUN, "-Wl,-z,notext",
     "relocations of its text"},
    {"WritableCode", "", "-Wl,-N -Wl,--no-warn-rwx-segments", "a segment is writable and executable"},
    {"Interpreter", "static const char path[] __attribute__((section(\".interp\"), used)) = \"/bin/true\";", "",
     "it wants an interpreter"},
    {"ThreadLocal", "static __thread int count = 1;\n__attribute__((used)) static int next(void) { return ++count; }",
     "-ftls-model=initial-exec", "thread-local storage"},
    {"ExecutableStack", "", "-Wl,-z,execstack", "an executable stack"},
    {"UncalledFunction", "int other(void) { return 1; }", "", "it exports 'other', which no step calls"},
    {"ExportedData", "int other = 1;", "", "it exports 'other', which is no function"},
    {"OtherHashTable", "", "-Wl,--hash-style=gnu", "no table of its symbols"},
};

class HostCodeAttack : public HostCodeTest, public testing::WithParamInterface<Attack> {};

TEST_P(HostCodeAttack, IsRefused) {
  EXPECT_THAT(refusal(compileHostCode(addOneSource() + GetParam().added, GetParam().flags)),
              HasSubstr(GetParam().refusal));
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostCodeAttack, testing::ValuesIn(kAttacks),
                         [](const auto &info) { return std::string(info.param.name); });

/// A field of a good object overwritten.
struct Forgery {
  const char *name;
  std::function<void(Bytes &)> change;
  const char *refusal;
};

Elf64_Ehdr &headerOf(Bytes &elf) { return *reinterpret_cast<Elf64_Ehdr *>(elf.data()); }
Elf64_Phdr &segmentOf(Bytes &elf, uint32_t type, size_t index = 0) {
  auto *p = reinterpret_cast<Elf64_Phdr *>(elf.data() + headerOf(elf).e_phoff);
  while (p->p_type != type || index-- != 0)
    ++p;
  return *p;
}
Elf64_Dyn &tagOf(Bytes &elf, int64_t tag) {
  auto *d = reinterpret_cast<Elf64_Dyn *>(elf.data() + segmentOf(elf, PT_DYNAMIC).p_offset);
  while (d->d_tag != tag)
    ++d;
  return *d;
}
/// Linked so that addresses and offsets of what is only read are equal.
uint8_t *at(Bytes &elf, uint64_t address) { return elf.data() + address; }

const Forgery kForgeries[] = {
    {"Empty", [](Bytes &elf) { elf.resize(10); }, "shorter than the header"},
    {"NoElf", [](Bytes &elf) { elf[0] = 0; }, "no 64-bit little-endian ELF shared object"},
    {"AnExecutable", [](Bytes &elf) { headerOf(elf).e_type = ET_EXEC; }, "no 64-bit little-endian ELF shared object"},
    {"OtherMachine", [](Bytes &elf) { headerOf(elf).e_machine = EM_AARCH64; }, "it is for ELF machine 183"},
    {"ManyHeaders", [](Bytes &elf) { headerOf(elf).e_phnum = 0xFFFF; }, "65535 program headers"},
    {"HeadersOutside", [](Bytes &elf) { headerOf(elf).e_phoff = ~uint64_t{0}; }, "program headers at byte"},
    {"NoSegment",
     [](Bytes &elf) {
       for (int i = 0; i != 4; ++i)
         segmentOf(elf, PT_LOAD).p_type = PT_NULL;
     },
     "no segment or no dynamic section"},
    {"NoDynamic", [](Bytes &elf) { segmentOf(elf, PT_DYNAMIC).p_type = PT_NULL; }, "no segment or no dynamic section"},
    {"UnknownHeader", [](Bytes &elf) { segmentOf(elf, PT_DYNAMIC).p_type = 0x7000; }, "unknown kind 0x7000"},
    {"SegmentOutside", [](Bytes &elf) { segmentOf(elf, PT_LOAD).p_filesz = ~uint64_t{0}; }, "leaves the file"},
    {"HugeSegment", [](Bytes &elf) { segmentOf(elf, PT_LOAD, 3).p_memsz = uint64_t{1} << 40; },
     "a segment of 1099511627776 bytes"},
    {"SharedPage", [](Bytes &elf) { segmentOf(elf, PT_LOAD, 1).p_vaddr = 64; }, "share a page"},
    {"UnreadableSegment", [](Bytes &elf) { segmentOf(elf, PT_LOAD).p_flags = PF_X; }, "not readable"},
    {"DynamicOutside", [](Bytes &elf) { segmentOf(elf, PT_DYNAMIC).p_vaddr = 1 << 20; }, "dynamic section is in no"},
    {"UnknownTag", [](Bytes &elf) { tagOf(elf, DT_STRSZ).d_tag = DT_AUDIT; }, "dynamic tag"},
    {"TextFlag",
     [](Bytes &elf) {
       tagOf(elf, DT_STRSZ).d_un.d_val = DF_TEXTREL;
       tagOf(elf, DT_STRSZ).d_tag = DT_FLAGS;
     },
     "DF_TEXTREL"},
    {"SymbolsOutside", [](Bytes &elf) { tagOf(elf, DT_SYMTAB).d_un.d_ptr = ~uint64_t{7}; },
     "symbols are in no segment"},
    {"ManySymbols", [](Bytes &elf) { std::memset(at(elf, tagOf(elf, DT_HASH).d_un.d_ptr) + 4, 0xFF, 4); },
     "symbols are in no segment"},
    {"SymbolSize", [](Bytes &elf) { tagOf(elf, DT_SYMENT).d_un.d_val = 1; }, "not of the sizes that ELF gives them"},
    {"NoStrings", [](Bytes &elf) { tagOf(elf, DT_STRTAB).d_un.d_ptr = 1 << 27; }, "no name of at most 255 bytes"},
    {"UndefinedSymbol",
     [](Bytes &elf) {
       reinterpret_cast<Elf64_Sym *>(at(elf, tagOf(elf, DT_SYMTAB).d_un.d_ptr))[1].st_shndx = SHN_UNDEF;
     },
     "is undefined, and there is no library"},
    {"FunctionInData",
     [](Bytes &elf) {
       auto *symbols = reinterpret_cast<Elf64_Sym *>(at(elf, tagOf(elf, DT_SYMTAB).d_un.d_ptr));
       for (int i = 1; i != 3; ++i)
         symbols[i].st_value = ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC ? 8 : symbols[i].st_value;
     },
     "is in no executable segment"},
};

class HostCodeForgery : public HostCodeTest, public testing::WithParamInterface<Forgery> {};

TEST_P(HostCodeForgery, IsRefused) {
  Bytes elf = compileHostCode(addOneSource());
  GetParam().change(elf);
  EXPECT_THAT(refusal(elf), HasSubstr(GetParam().refusal));
}

INSTANTIATE_TEST_SUITE_P(Fields, HostCodeForgery, testing::ValuesIn(kForgeries),
                         [](const auto &info) { return std::string(info.param.name); });

/// Relocations of the good kind with other contents.
TEST_F(HostCodeTest, RelocationsChangeNothingButPointersInItsOwnData) {
  const Bytes good =
      compileHostCode(addOneSource() + "static char one = 1;\n__attribute__((used)) static char *where = &one;");
  ASSERT_EQ(load(good), TW_OK) << device.error.text;
  auto with = [&](auto change) {
    Bytes elf = good;
    change(*reinterpret_cast<Elf64_Rela *>(at(elf, tagOf(elf, DT_RELA).d_un.d_ptr)), elf);
    return refusal(elf);
  };
  EXPECT_THAT(with([](Elf64_Rela &r, Bytes &elf) { r.r_offset = segmentOf(elf, PT_LOAD, 1).p_vaddr; }),
              HasSubstr("a relocation of its text"));
  EXPECT_THAT(with([](Elf64_Rela &r, Bytes &) { r.r_offset = ~uint64_t{3}; }), HasSubstr("or of no segment"));
  EXPECT_THAT(with([](Elf64_Rela &r, Bytes &) { r.r_info = R_X86_64_IRELATIVE; }), HasSubstr("IFUNC"));
  EXPECT_THAT(with([](Elf64_Rela &r, Bytes &) { r.r_info = R_X86_64_COPY; }), HasSubstr("relocation of kind 5"));
  EXPECT_THAT(with([](Elf64_Rela &r, Bytes &) { r.r_addend = -1; }), HasSubstr("a pointer to 0xffffffffffffffff"));
  EXPECT_THAT(with([](Elf64_Rela &, Bytes &elf) { tagOf(elf, DT_RELA).d_un.d_ptr = 1 << 27; }),
              HasSubstr("relocations are in no segment"));
}

} // namespace
