// Everything a user needs: `#include <cotape/cotape.hpp>`. Read on in tape.hpp, ops.hpp,
// primitive.hpp, derivatives.hpp, program.hpp.
#pragma once

#include "cotape/check.hpp"
#include "cotape/derivatives.hpp"
#include "cotape/error.hpp"
#include "cotape/initializers.hpp"
#include "cotape/io.hpp"
#include "cotape/layers.hpp"
#include "cotape/ops.hpp"
#include "cotape/optimizers.hpp"
#include "cotape/primitive.hpp"
#include "cotape/program.hpp"
#include "cotape/random.hpp"
#include "cotape/report.hpp"
#include "cotape/shape.hpp"
#include "cotape/tape.hpp"
#include "cotape/tensor.hpp"
#include "cotape/train.hpp"
#include "cotape/variable.hpp"
#include "cotape/xtensor.hpp"
