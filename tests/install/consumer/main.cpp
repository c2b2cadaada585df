double slope_of_square(double at);

int main() { return slope_of_square(3) == 6 ? 0 : 1; }
