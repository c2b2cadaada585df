double slope_of_square(double at);
double slope_of_smooth();

int main() { return slope_of_square(3) == 6 && slope_of_smooth() == 2 * (8 + 7 + 6) ? 0 : 1; }
