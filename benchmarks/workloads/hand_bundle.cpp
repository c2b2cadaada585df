// Bundle adjustment by hand: error and derivatives of one observation after the other.
#include <algorithm>
#include <cmath>

#include "hand.hpp"

namespace bench::HAND {
namespace {

using matrix = double[3][3];

struct turned {
  double y[3];
  matrix by_x, by_r;  // derivatives for the point and the rotation
};

// x turned about the axis r by its length (Rodrigues), with its derivatives.
void rotate(const double* r, const double* x, turned& t) {
  const double angle = std::sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]), inverse = 1 / angle;
  const double c = std::cos(angle), s = std::sin(angle);
  const double u[3] = {r[0] * inverse, r[1] * inverse, r[2] * inverse};
  const double along = u[0] * x[0] + u[1] * x[1] + u[2] * x[2];
  const double cross[3] = {u[1] * x[2] - u[2] * x[1], u[2] * x[0] - u[0] * x[2],
                           u[0] * x[1] - u[1] * x[0]};
  const matrix turn_u = {{0, -u[2], u[1]}, {u[2], 0, -u[0]}, {-u[1], u[0], 0}};
  const matrix turn_x = {{0, -x[2], x[1]}, {x[2], 0, -x[0]}, {-x[1], x[0], 0}};
  for (int i = 0; i < 3; ++i) {
    t.y[i] = x[i] * c + cross[i] * s + u[i] * along * (1 - c);
    const double by_angle = -s * x[i] + c * cross[i] + s * u[i] * along;
    double by_u[3], length = 0;
    for (int j = 0; j < 3; ++j) {
      const double unit = i == j ? 1 : 0;
      t.by_x[i][j] = c * unit + s * turn_u[i][j] + (1 - c) * u[i] * u[j];
      by_u[j] = -s * turn_x[i][j] + (1 - c) * (along * unit + u[i] * x[j]);
      length += by_u[j] * u[j];
    }
    for (int j = 0; j < 3; ++j) {
      t.by_r[i][j] = by_angle * u[j] + (by_u[j] - length * u[j]) * inverse;
    }
  }
}

// Error and derivatives of one observation: both components.
struct observed {
  double error[2], camera[2][11], point[2][3], weight[2];
};

void observe(const double* camera, const double* point, double w, const double* feature,
             observed& o) {
  double moved[3];
  for (int i = 0; i < 3; ++i) moved[i] = point[i] - camera[3 + i];
  turned t;
  rotate(camera, moved, t);
  const double inverse = 1 / t.y[2], p[2] = {t.y[0] * inverse, t.y[1] * inverse};
  const double r = p[0] * p[0] + p[1] * p[1], f = camera[6];
  const double stretch = 1 + camera[9] * r + camera[10] * r * r;
  const double bend = 2 * camera[9] + 4 * camera[10] * r;
  for (int k = 0; k < 2; ++k) {
    double by_p[2] = {bend * p[k] * p[0], bend * p[k] * p[1]};
    by_p[k] += stretch;
    const double scale = w * f * inverse;
    const double by_y[3] = {scale * by_p[0], scale * by_p[1],
                            -scale * (by_p[0] * p[0] + by_p[1] * p[1])};
    for (int j = 0; j < 3; ++j) {
      double x = 0, turn = 0;
      for (int i = 0; i < 3; ++i) x += by_y[i] * t.by_x[i][j], turn += by_y[i] * t.by_r[i][j];
      o.camera[k][j] = turn;
      o.camera[k][3 + j] = -x;
      o.point[k][j] = x;
    }
    o.camera[k][6] = w * p[k] * stretch;
    o.camera[k][7] = k == 0 ? w : 0;
    o.camera[k][8] = k == 1 ? w : 0;
    o.camera[k][9] = w * f * p[k] * r;
    o.camera[k][10] = w * f * p[k] * r * r;
    o.weight[k] = p[k] * stretch * f + camera[7 + k] - feature[k];
    o.error[k] = w * o.weight[k];
  }
}

std::function<void()> bundle_adjustment(hand_buffers& b) {
  const std::size_t n = b["observations"];
  const double *cameras = b.in<double>(0), *points = b.in<double>(1), *weights = b.in<double>(2),
               *features = b.in<double>(3);
  const std::int64_t *camera = b.in<std::int64_t>(4), *point = b.in<std::int64_t>(5);
  struct {
    double *error, *camera, *point, *weight;
  } out[2];
  for (auto& o : out) o.error = b.out<double>(n);
  for (auto& o : out) {
    o.camera = b.out<double>(11 * n), o.point = b.out<double>(3 * n), o.weight = b.out<double>(n);
  }
  return [=, first = out[0], second = out[1]] {
    observed o;
    for (std::size_t i = 0; i < n; ++i) {
      observe(cameras + 11 * camera[i], points + 3 * point[i], weights[i], features + 2 * i, o);
      for (int k = 0; k < 2; ++k) {
        const auto& to = k == 0 ? first : second;
        to.error[i] = o.error[k];
        std::copy_n(o.camera[k], 11, to.camera + 11 * i);
        std::copy_n(o.point[k], 3, to.point + 3 * i);
        to.weight[i] = o.weight[k];
      }
    }
  };
}

}  // namespace

hand_table bundle() { return {{"bundle_adjustment", &bundle_adjustment}}; }

}  // namespace bench::HAND
