// SPDX-License-Identifier: Apache-2.0
// Where a tensor's forms are one buffer, and which step makes them where they are not.
#include "Forms.h"
#include "host/HostExecutor.h"
#include "host/Processor.h"

#include "tw/ir/Register.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

constexpr int kLanes = 16;

constexpr const char *kTensors = R"(
func.func private @blk() -> (tensor<2x3x32xi8>, tensor<2x3x10xi8>, tensor<1x1x10xi8>, tensor<1x4x16x3xi8>,
                             tensor<1x4x5x3xi8>, tensor<2x16xi32>, tensor<8x10xi8>)
func.func @main(%x: tensor<2x32xi8> {tw.name = "x"}, %p: tensor<4x10xi8> {tw.name = "photo"}) -> tensor<2x32xi8> {
  %0:7 = call @blk() : () -> (tensor<2x3x32xi8>, tensor<2x3x10xi8>, tensor<1x1x10xi8>, tensor<1x4x16x3xi8>,
                              tensor<1x4x5x3xi8>, tensor<2x16xi32>, tensor<8x10xi8>)
  %c = tw.constant dense<4> : tensor<2x32xi8>
  %r = tw.constant dense<4> : tensor<2x10xi8>
  return %c : tensor<2x32xi8>
})";

struct FormsTest : testing::Test {
  void SetUp() override {
    DialectRegistry registry;
    ir::registerGraphDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(kTensors, context.get());
    ASSERT_TRUE(module);
    code = std::make_unique<HostCode>(context.get(), processor);
    forms = std::make_unique<Forms>(plan, executors, kLanes);
    executors.push_back(std::make_unique<HostExecutor>(plan, *forms, *code, processor, kLanes));
    main = module->lookupSymbol<func::FuncOp>("main");
    forms->bindArguments(main);
    for (Operation &op : main.front())
      for (Value value : op.getResults())
        values.push_back(value);
    wide = plan.table.of(values[0]), ragged = plan.table.of(values[1]), row = plan.table.of(values[2]);
    image = plan.table.of(values[3]), raggedImage = plan.table.of(values[4]), sums = plan.table.of(values[5]);
    raggedChannels = plan.table.of(values[6]), constant = plan.table.of(values[7]),
    raggedConstant = plan.table.of(values[8]), input = plan.table.of(main.getArgument(0)),
    photo = plan.table.of(main.getArgument(1));
  }

  // A region that is still open makes it.
  void makeOnNpu(TensorId id) {
    const int segment = plan.joinSegment();
    plan.giveChipForm(id, kLanes).producer = segment;
  }
  // What `id` is under another shape.
  TensorId renamed(TensorId id, std::vector<int64_t> shape) {
    const TensorId fresh = plan.table.addPart("", std::move(shape));
    plan.table[fresh].kind = TensorInfo::OfMain;
    plan.table[fresh].value = plan.table[id].value;
    forms->rename(fresh, id);
    return fresh;
  }
  int chipBuffer(TensorId id) const { return plan.table[id].chip->buffer; }
  // What the steps do, in order.
  std::vector<std::string> steps() const {
    std::vector<std::string> list;
    for (const Step &step : plan.steps)
      list.push_back(step.segment >= 0                     ? "region " + std::to_string(step.segment)
                     : step.package.op == TW_PKG_STEP_COPY ? "copy"
                                                           : step.package.name);
    return list;
  }

  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp main;
  Plan plan;
  const HostProcessor processor = llvm::cantFail(processorOf("x86-64-v3"));
  std::unique_ptr<HostCode> code;
  std::unique_ptr<Forms> forms;
  std::vector<std::unique_ptr<Executor>> executors;
  std::vector<Value> values;
  TensorId wide, ragged, row, image, raggedImage, raggedChannels, sums, constant, raggedConstant, input, photo;
};

} // namespace

TEST_F(FormsTest, TheNpuReadsWholeRowsWhereTheHostLeftThem) {
  const int made = forms->newRowForm(wide);
  forms->bringOnChip(wide, 3);
  EXPECT_EQ(chipBuffer(wide), made);
  EXPECT_EQ(plan.table[wide].chip->beside, 3);
  EXPECT_THAT(steps(), IsEmpty());
}

TEST_F(FormsTest, TheHostReadsWholeRowsWhereTheNpuLeftThem) {
  for (TensorId id : {wide, sums}) {
    makeOnNpu(id);
    EXPECT_EQ(forms->rowForm(id), chipBuffer(id));
    EXPECT_TRUE(plan.table[id].chip->isUsedOutside);
  }
  EXPECT_THAT(steps(), ElementsAre("region 0", "region 1"));
}

TEST_F(FormsTest, OneRowBeginsWithItsElementsButNeedsItsOwnLanesBeside) {
  makeOnNpu(row);
  EXPECT_EQ(forms->rowForm(row), chipBuffer(row));
  EXPECT_THAT(steps(), ElementsAre("region 0"));
  EXPECT_EQ(plan.buffers[size_t(chipBuffer(row))].package.size, 16u);
  const TensorId other = renamed(row, {1, 10}); // is a tensor of its own on chip: what lies beside is not known
  forms->bringOnChip(other, 1);
  EXPECT_THAT(steps(), ElementsAre("region 0", "pack "));
}

TEST_F(FormsTest, RaggedRowsAreCopiedOnceEachWay) {
  makeOnNpu(ragged);
  EXPECT_NE(forms->rowForm(ragged), chipBuffer(ragged));
  EXPECT_EQ(forms->rowForm(ragged), forms->rowForm(ragged));
  EXPECT_THAT(steps(), ElementsAre("region 0", "unpack "));
  const int made = forms->newRowForm(raggedImage);
  forms->bringOnChip(raggedImage, 0);
  forms->bringOnChip(raggedImage, 1);
  EXPECT_NE(chipBuffer(raggedImage), made);
  EXPECT_EQ(plan.table[raggedImage].chip->beside, 0);
  EXPECT_THAT(steps(), ElementsAre("region 0", "unpack ", "pack "));
}

TEST_F(FormsTest, ImageRowsOfWholeRowsLieInTheImage) {
  const int made = forms->newRowForm(image);
  const TensorId rows = plan.table.imageRowsOf(image, 5);
  forms->bringOnChip(rows, 0);
  EXPECT_EQ(chipBuffer(rows), made);
  EXPECT_EQ(plan.table[rows].chip->beside, 5);
  EXPECT_THAT(steps(), IsEmpty());
  const TensorId padded = plan.table.imageRowsOf(raggedImage, 5);
  const int from = forms->newRowForm(raggedImage);
  forms->bringOnChip(padded, 0);
  EXPECT_NE(chipBuffer(padded), from);
  EXPECT_THAT(steps(), ElementsAre("pack "));
}

TEST_F(FormsTest, AnInputIsCopiedToTheArenaOnce) {
  forms->bringOnChip(input, 0);
  EXPECT_THAT(steps(), ElementsAre("copy"));
  EXPECT_EQ(plan.buffers[size_t(chipBuffer(input))].package.kind, TW_PKG_TEMP);
  const TensorId flat = renamed(input, {64});
  forms->bringOnChip(flat, 0);
  EXPECT_EQ(chipBuffer(flat), chipBuffer(input));
  EXPECT_EQ(plan.buffers[size_t(forms->rowForm(input))].package.kind, TW_PKG_INPUT);
  EXPECT_THAT(steps(), ElementsAre("copy"));
}

TEST_F(FormsTest, AConstantHasBytesInEachFormAndNoSteps) {
  forms->bringOnChip(constant, 0);
  EXPECT_EQ(chipBuffer(constant), -1);
  EXPECT_EQ(plan.buffers[size_t(forms->rowForm(constant))].package.kind, TW_PKG_CONSTANT);
  const TensorId rows = plan.table.imageRowsOf(constant, 0);
  forms->bringOnChip(rows, 0); // of the row-major bytes, which are not in the arena
  EXPECT_EQ(plan.buffers[size_t(chipBuffer(rows))].package.kind, TW_PKG_TEMP);
  EXPECT_THAT(steps(), ElementsAre("copy"));
}

TEST_F(FormsTest, BesideAConstantLiesWhatItsReaderAsksFor) {
  forms->bringOnChip(raggedConstant, -9);
  const ChipForm &chip = *plan.table[raggedConstant].chip;
  EXPECT_EQ(chip.beside, -9);
  ASSERT_EQ(chip.constant->size(), 32u);
  for (size_t i = 0; i != 32; ++i)
    EXPECT_EQ(int8_t((*chip.constant)[i]), i % 16 < 10 ? 4 : -9) << i;
}

TEST_F(FormsTest, ANewShapeOfWholeRowsIsTheSameBuffer) {
  const int made = forms->newRowForm(wide);
  const TensorId flat = renamed(wide, {2, 96}), split = renamed(wide, {12, 16});
  for (TensorId id : {flat, split, wide}) {
    forms->bringOnChip(id, 0);
    EXPECT_EQ(chipBuffer(id), made);
  }
  EXPECT_THAT(steps(), IsEmpty());
  // Ragged rows that are whole ones in another shape: one step, not two.
  makeOnNpu(raggedChannels);
  const TensorId rows = renamed(raggedChannels, {5, 16});
  forms->bringOnChip(rows, 0);
  EXPECT_EQ(chipBuffer(rows), forms->rowForm(raggedChannels));
  EXPECT_THAT(steps(), ElementsAre("region 0", "unpack "));
}

TEST_F(FormsTest, ARegionThatAReaderDoesNotWaitForStaysOpen) {
  makeOnNpu(wide);
  plan.closeSegment();
  makeOnNpu(ragged);
  forms->rowForm(wide);
  EXPECT_EQ(plan.openSegment, 1);
  forms->rowForm(ragged);
  EXPECT_EQ(plan.openSegment, -1);
  EXPECT_THAT(steps(), ElementsAre("region 0", "region 1", "unpack "));
}

TEST_F(FormsTest, AStepNamesItsTensor) {
  forms->bringOnChip(photo, 0);
  EXPECT_THAT(steps(), ElementsAre("pack photo"));
}

// What it says a form would take is 0 exactly where no step comes of it.
TEST_F(FormsTest, AFormThatIsThereOrTheSameCostsNothing) {
  forms->newRowForm(wide);
  forms->newRowForm(ragged);
  makeOnNpu(sums);
  makeOnNpu(raggedChannels);
  EXPECT_EQ(forms->costOf(FormOf{wide, Form::LaneRows}), 0);
  EXPECT_EQ(forms->costOf(FormOf{wide, Form::RowMajor}), 0);
  EXPECT_GT(forms->costOf(FormOf{ragged, Form::LaneRows}), 0);
  EXPECT_EQ(forms->costOf(FormOf{sums, Form::RowMajor}), 0);
  EXPECT_EQ(forms->costOf(FormOf{raggedChannels, Form::LaneRows}), 0);
  EXPECT_GT(forms->costOf(FormOf{raggedChannels, Form::RowMajor}), 0);
  EXPECT_EQ(forms->costOf(FormOf{constant, Form::LaneRows}), 0);
  EXPECT_GT(forms->costOf(FormOf{photo, Form::LaneRows}), 0);
  forms->bringOnChip(photo, 0);
  EXPECT_EQ(forms->costOf(FormOf{photo, Form::LaneRows}), 0);
  // Read in another shape: row-major first.
  const TensorId rows = renamed(raggedChannels, {5, 16});
  EXPECT_EQ(forms->costOf(FormOf{rows, Form::LaneRows}), forms->costOf(FormOf{raggedChannels, Form::RowMajor}));
}
